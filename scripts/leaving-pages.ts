/** The pages of what leaves an estate: links of a mesh, a member of a composite. */
import { join } from "node:path";
import type { Procedure, Run } from "../src/procedures/procedure.ts";
import { removeLinks } from "../src/procedures/remove-links.ts";
import { removeMember } from "../src/procedures/remove-member.ts";
import { removePassive } from "../src/procedures/remove-passive.ts";
import { type Estate, type Site, siteNamed } from "../src/topology/estate.ts";
import {
  exampleRun,
  generated,
  notation,
  page,
  sampleEstate,
  stepLines,
  withoutStalls,
} from "./page-parts.ts";

export async function leavingPages(
  samples: string,
  estate: Estate,
  run: Run,
): Promise<readonly (readonly [string, string])[]> {
  const composite = await sampleEstate(join(samples, "../composite-active-active"));
  const relayed = await sampleEstate(join(samples, "../composite-active-passive"));
  return [
    ["docs/procedures/remove-links.md", linksPage(estate, run)],
    ["docs/procedures/remove-member.md", memberPage(composite, exampleRun(composite))],
    ["docs/procedures/remove-member-passive.md", passivePage(relayed, exampleRun(relayed))],
  ];
}

/** The primary last. */
const ordered = ({ nodes: [primary, ...replicas] }: Site) =>
  primary === undefined ? [] : [...replicas, primary];

/** Texts of the walk stand in no pin of the example. */
function withTexts(run: Run, keys: readonly string[], kept: Readonly<Record<string, string>> = {}): Run {
  const { MSAA: text = "" } = run.pins.iniSha256;
  const own = Object.fromEntries(keys.map((key) => [key, text]));
  return { ...run, kept, pins: { ...run.pins, iniSha256: { ...run.pins.iniSha256, ...own } } };
}

/** Nothing is kept yet in the steps before `kept`: what is kept already is not awaited once more. */
const stepsOf = ({ steps }: Procedure, run: Run, kept?: string): readonly string[] => {
  const from = steps.findIndex(({ id }) => id === kept);
  return steps.flatMap((step, n) =>
    stepLines(withoutStalls(step), n < from ? { ...run, kept: {} } : run, "##"),
  );
};

function linksPage(estate: Estate, run: Run): string {
  const tokyo = siteNamed(estate, "tokyo");
  const others = estate.sites.filter((site) => site !== tokyo);
  const names = others.map(({ name }) => name);
  const stays = { awaits: true, drops: false };
  const procedure = removeLinks({
    sites: estate.sites.map(ordered),
    texts: [
      { key: `MSAA-${names[0]}`, sites: names },
      { key: "MSAA-tokyo", sites: ["tokyo"] },
    ],
    links: others.flatMap((site) => [
      { ...stays, source: site, target: tokyo },
      { ...stays, source: tokyo, target: site },
    ]),
    bare: ["tokyo"],
    reading: names,
    staying: others.flatMap((source) =>
      others.flatMap((target) => (source === target ? [] : [{ source: source.name, target: target.name }])),
    ),
    sourcesLeft: names,
    tag: "<walk>",
    beat: "<walk>.1",
  });
  const dumps = others.flatMap((site) =>
    tokyo.nodes.map(({ name }) => [
      `dump.${name}.${site.name}`,
      `dump-<walk>-<n>.<n>-${name}-${site.dataservice}.sql ${run.pins.iniSha256.MSAA}`,
    ]),
  );
  const shown = withTexts(run, [`MSAA-${names[0]}`, "MSAA-tokyo"], Object.fromEntries(dumps));
  return page([
    generated,
    "# Take links out of a mesh",
    `Procedure \`${procedure.name}\`, revision ${procedure.revision}. Nobody asks for it by name: deleting a [CrossSiteLink](../reference/crosssitelink.md) does. Its ledger lies in the status of the TungstenCluster whose name comes first. Source: ${procedure.source}.`,
    "The page shows site tokyo, which leaves a Multi-Site/Active-Active estate of three: all links to it and from it were deleted, and none of them gives anything up. Where a site goes on reading another one, it keeps the second product, and step 4 is not there. `<walk>` in names is a mark of the walk. The condition `LinksCurrent` says in its message which step it is at; the conditions named below stand in that message only. How to read it: [changing a site](../operating/changes.md#a-link-or-a-site-less).",
    notation(shown),
    ...stepsOf(procedure, shown, "UninstallSecondProduct"),
  ]);
}

function memberPage(estate: Estate, run: Run): string {
  const leaver = siteNamed(estate, "tokyo");
  const staying = estate.sites.filter((site) => site !== leaver);
  const procedure = removeMember({
    leaver,
    staying,
    sites: estate.sites.map(ordered),
    texts: [
      { key: "rest", sites: staying.map(({ name }) => name) },
      { key: "alone", sites: ["tokyo"] },
    ],
    awaits: true,
    composite: estate.composite?.dataservice ?? "",
    beat: "<walk>.1",
  });
  const shown = withTexts(run, ["rest", "alone"]);
  return page([
    generated,
    "# Take a member out of a composite",
    `Procedure \`${procedure.name}\`, revision ${procedure.revision}. Nobody asks for it by name: taking a site out of \`spec.members\` of a [CompositeService](../reference/compositeservice.md) does. Its ledger lies in the status of the TungstenCluster that leaves. Source: ${procedure.source}.`,
    "The page shows site tokyo, which leaves an active/active composite of three; `<walk>` in names is a mark of the walk. The condition `MembershipCurrent` says in its message which step it is at; the conditions named below stand in that message only. How to read it: [composites](../operating/composites.md#a-member-less).",
    notation(shown, "composite-active-active"),
    ...stepsOf(procedure, shown),
  ]);
}

function passivePage(estate: Estate, run: Run): string {
  const leaver = siteNamed(estate, "tokyo");
  const staying = estate.sites.filter((site) => site !== leaver);
  const procedure = removePassive({
    leaver,
    staying,
    sites: staying.map(ordered),
    texts: [{ key: "rest", sites: staying.map(({ name }) => name) }],
    awaits: true,
    composite: estate.composite?.dataservice ?? "",
    beat: "<walk>.1",
  });
  const shown = withTexts(run, ["rest"]);
  return page([
    generated,
    "# Take a passive site out of a composite",
    `Procedure \`${procedure.name}\`, revision ${procedure.revision}. Nobody asks for it by name: taking a site that relays out of \`spec.members\` of a [CompositeService](../reference/compositeservice.md) does. Its ledger lies in the status of the TungstenCluster that leaves. Source: ${procedure.source}.`,
    "The page shows site tokyo, which leaves an active/passive composite of three in which nyc takes the writes; `<walk>` in names is a mark of the walk. The condition `MembershipCurrent` says in its message which step it is at; the conditions named below stand in that message only. How to read it: [composites](../operating/composites.md#a-passive-member-less); [why it ends stopped](../adr/0023-a-relay-leaves-stopped.md).",
    notation(shown, "composite-active-passive"),
    ...stepsOf(procedure, shown),
  ]);
}
