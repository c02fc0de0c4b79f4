/** The pages of a site that joins a composite: its filling, and its way in. */
import { join } from "node:path";
import { fillSite } from "../src/procedures/fill-site.ts";
import { joinComposite } from "../src/procedures/join-composite.ts";
import type { Procedure, Run } from "../src/procedures/procedure.ts";
import type { Estate } from "../src/topology/estate.ts";
import {
  exampleRun,
  generated,
  notation,
  page,
  sampleEstate,
  stepLines,
  withoutStalls,
} from "./page-parts.ts";
import { parisBeside } from "./scaling-pages.ts";

const folder = "composite-active-active";

type OnePage = (
  title: string,
  asked: string,
  shows: string,
  procedure: Procedure,
  over?: { readonly run: Run; readonly folder: string },
) => string;

/** paris joins the sample composite, filled from london. */
function joined(estate: Estate): Estate {
  const { composite, sites } = estate;
  const london = sites.find(({ name }) => name === "london");
  if (composite === undefined || london === undefined)
    throw new Error(`${folder} has no composite with london`);
  const paris = parisBeside(estate, london);
  const members = [...composite.members, paris.name];
  return { ...estate, sites: [...sites, paris], composite: { ...composite, members } };
}

/** paris joins the sample composite of which nyc alone writes. */
async function passivePage(samples: string, one: OnePage): Promise<readonly [string, string]> {
  const name = "composite-active-passive";
  const estate = joined(await sampleEstate(join(samples, "..", name)));
  const [, ...replicas] = estate.sites.find((site) => site.name === "paris")?.nodes ?? [];
  const text = one(
    "Take a passive site into a composite",
    "Nobody asks for it by name: a member more of a [CompositeService](../reference/compositeservice.md) whose sites run does, with `spec.fillFrom` in its [TungstenCluster](../reference/tungstencluster.md).",
    "The page shows paris, whose relay is provisioned from london. Afterwards the other sites have to get the text that names it ([why in this order](../adr/0019-a-site-joins-a-composite.md)).",
    joinComposite({ site: "paris", passive: { donor: "london-2", replicas } }),
    { run: exampleRun(estate), folder: name },
  );
  return ["docs/procedures/join-composite-passive.md", text];
}

/** As it stands after the proof: each position is known, and named by its words. */
function runWithPositions(estate: Estate): Run {
  const run = exampleRun(estate);
  const nodes = estate.sites.find(({ name }) => name === "paris")?.nodes ?? [];
  const kept = Object.fromEntries(
    nodes.flatMap(({ name }) =>
      estate.sites.map((source) => [`stands.${name}.${source.name}`, "<seqno> <epoch> <eventid> <host>"]),
    ),
  );
  return { ...run, kept, pins: { ...run.pins, topology: "CAA" } };
}

/** Path → page. */
export async function joiningPages(samples: string): Promise<readonly (readonly [string, string])[]> {
  const run = runWithPositions(joined(await sampleEstate(join(samples, "..", folder))));
  const told =
    "Its ledger lies in that TungstenCluster's status. The condition `Installed` says in its message which step it is at; the conditions named below stand in that message only. How to read it: [a site that joins](../operating/composites.md#a-site-that-joins).";
  const one: OnePage = (title, asked, shows, procedure, over = { run, folder }) =>
    page([
      generated,
      `# ${title}`,
      `Procedure \`${procedure.name}\`, revision ${procedure.revision}. ${asked} ${told} Source: ${procedure.source}.`,
      shows,
      notation(over.run, over.folder),
      ...procedure.steps.flatMap((step) => stepLines(withoutStalls(step), over.run, "##")),
    ]);
  return [
    await passivePage(samples, one),
    [
      "docs/procedures/fill-site-of-a-composite.md",
      one(
        "Fill a site that joins a composite",
        "Nobody asks for it by name: `spec.fillFrom` of a new [TungstenCluster](../reference/tungstencluster.md) does.",
        "The page shows paris, which joins the composite and gets the data of london. Afterwards it [joins](join-composite.md).",
        fillSite({ site: "paris", from: "london", kind: "CAA" }),
      ),
    ],
    [
      "docs/procedures/join-composite.md",
      one(
        "Take a site into a composite",
        "Nobody asks for it by name: a member more of a [CompositeService](../reference/compositeservice.md) whose sites run does, once that TungstenCluster is [filled](fill-site-of-a-composite.md).",
        "The page shows paris, which holds the data of london. Afterwards the other sites get [the text that names it](apply-configuration.md), each by a walk of its own ([why in this order](../adr/0019-a-site-joins-a-composite.md)).",
        joinComposite({ site: "paris" }),
      ),
    ],
  ];
}
