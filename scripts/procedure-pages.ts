/** The pages under docs/procedures, printed from the procedures themselves for the sample estate: nothing in them is written by hand. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { readNamespace } from "../src/controllers/estate-reader.ts";
import type { KubeObject } from "../src/controllers/shell.ts";
import { newLedger, type Pins } from "../src/crds/ledger.ts";
import { tungstenIni } from "../src/ini/tungsten-ini.ts";
import { applyConfiguration } from "../src/procedures/apply-configuration.ts";
import { checkPaths } from "../src/procedures/check-paths.ts";
import { convertMsaaToCaa } from "../src/procedures/convert-msaa-to-caa.ts";
import { failOver } from "../src/procedures/failover.ts";
import type { FixParameters } from "../src/procedures/fix-names.ts";
import { fixReplication } from "../src/procedures/fix-replication.ts";
import { installSite } from "../src/procedures/install-site.ts";
import { maintainDataserver } from "../src/procedures/maintain-dataserver.ts";
import { effectInWords, placeInWords } from "../src/procedures/plan.ts";
import { runOf } from "../src/procedures/prepare.ts";
import type { Part, Procedure, Run, Step } from "../src/procedures/procedure.ts";
import { resetAllSites } from "../src/procedures/reset-all-sites.ts";
import { resetSite } from "../src/procedures/reset-site.ts";
import { switchPrimary } from "../src/procedures/switch.ts";
import { verifyData } from "../src/procedures/verify-data.ts";
import type { Estate, Site } from "../src/topology/estate.ts";

/** Path → page. `samples` is the folder whose objects make the example estate. */
export async function procedurePages(samples: string): Promise<readonly (readonly [string, string])[]> {
  const estate = await sampleEstate(samples);
  const run = exampleRun(estate);
  const conversion = convertMsaaToCaa({
    backup: { mode: "Take" },
    limits: { latencySeconds: 5, oldestTransactionSeconds: 60 },
    acknowledgedFindings: [],
  });
  const site = estate.sites.find(({ name }) => name === "nyc");
  if (site === undefined) throw new Error(`${samples} has no TungstenCluster nyc, which the page is about`);
  return [
    ["docs/procedures/convert-msaa-to-caa.md", conversionPage(conversion, run)],
    ["docs/procedures/reset-site.md", resetPage(resetSite(exampleReset), run)],
    [
      "docs/procedures/reset-all-sites.md",
      resetAllPage(resetAllSites({ site: "nyc", drainSeconds: 30 }), run),
    ],
    ["docs/procedures/verify-data.md", readingPage(verifyData(gentle), run)],
    [
      "docs/procedures/switch.md",
      requestPage(
        "Switch a site's primary",
        "switch.md",
        run,
        switchPrimary({ ...aside, latencySeconds: 5 }),
      ),
    ],
    ["docs/procedures/failover.md", requestPage("Fail over by force", "switch.md", run, failOver(aside))],
    [
      "docs/procedures/check-paths.md",
      requestPage("Check every path", "check-paths.md", run, checkPaths({ beats: 1, everySeconds: 60 })),
    ],
    ["docs/procedures/fix-replication.md", fixPage(run)],
    ["docs/procedures/install-site.md", installPage(installSite(site.name, "Linked"), run)],
    await compositePage(samples, "active-active", "CAA"),
    await compositePage(samples, "active-passive", "CAP"),
    ["docs/procedures/apply-configuration.md", configurationPage(site, run)],
    ["docs/procedures/maintain-dataserver.md", dataserverPage(site, run)],
  ];
}

/** The move that the pages of Switch and Failover show. */
const aside = { site: "nyc", to: "nyc-1" };

async function sampleEstate(folder: string): Promise<Estate> {
  const objects = readdirSync(folder)
    .sort()
    .flatMap((file) => parseAllDocuments(readFileSync(join(folder, file), "utf8")))
    .map((document) => document.toJS() as KubeObject);
  const list = async (kind: { kind: string }) => objects.filter((object) => object.kind === kind.kind);
  const { estates, problems } = await readNamespace({ list }, "estate");
  const [estate] = estates;
  if (estate === undefined || problems.length > 0)
    throw new Error(
      `${folder} makes no sound estate: ${problems.map(({ sentence }) => sentence).join("; ")}`,
    );
  return estate;
}

/** A run as it stands before its first command: the first node of each site is the primary, the last takes the backup. */
function exampleRun(estate: Estate): Run {
  const bySite = <T>(value: (site: Estate["sites"][number]) => T) =>
    Object.fromEntries(estate.sites.map((site) => [site.name, value(site)]));
  const primaries = bySite(({ nodes }) => nodes[0]?.name ?? "");
  const ini = {
    MSAA: tungstenIni(estate, "MSAA", primaries),
    CAA: tungstenIni(estate, "CAA", primaries),
  };
  const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
  const pins: Pins = {
    primaries,
    policies: bySite(() => "AUTOMATIC"),
    members: bySite(({ nodes }) => nodes.map(({ name }) => name)),
    releases: bySite(({ release }) => release),
    backupNodes: bySite(({ nodes }) => nodes.at(-1)?.name ?? ""),
    installed: bySite(({ release }) => release),
    iniSha256: { MSAA: sha256(ini.MSAA), CAA: sha256(ini.CAA) },
    topology: "MSAA",
  };
  const ledger = newLedger("example", 1, "5a5a5a5a-0000-4000-8000-000000000000", 0);
  return runOf(ledger, "to-caa", estate, pins, ini);
}

const generated = "<!-- Generated by `npm run generate` from the procedure itself; do not edit. -->";

const notation = (run: Run, folder = "msaa"): string =>
  [
    `Commands are printed for the estate of [config/samples/${folder}](../../config/samples/${folder}): ${run.estate.sites.map(({ name, nodes }) => `${name} with ${nodes.length} nodes`).join(", ")}.`,
    "",
    "- Words: `<run>` is the first eight digits of the request's UID, `<n>` a round or an attempt, `<sha256>` a checksum, `<node>` the node of that line.",
    "- The first word is the runner's name of a tool ([runner protocol](../reference/runner-protocol.md)); `cluster` is /opt/continuent, `crossSite` is /opt/replicator.",
    "- A part runs nothing on a target where it is done already. Of several alternatives the first whose condition holds is taken.",
    "- `[looks again: …]` are checks that the node makes in the same script, directly before the command. If one fails, nothing runs.",
  ].join("\n");

function conversionPage(procedure: Procedure, run: Run): string {
  return page([
    generated,
    "# Convert MSAA to CAA",
    `Procedure \`${procedure.name}\`, revision ${procedure.revision}. Asked for by an [UpgradeRequest](../reference/upgraderequest.md). Source: ${procedure.source}.`,
    "Steps carry the vendor's numbers and titles; step 12 runs before step 11 ([why](../adr/0005-conversion-order.md)). How to run it: [the runbook](../operating/conversion.md).",
    `${notation(run)}\n- Your own plan names your nodes, and says the same in the same order.`,
    `Abort costs nothing until: ${placeInWords(procedure, procedure.abortUntil)}.`,
    `Point of no return: ${placeInWords(procedure, procedure.revertUntil)}. Until its first command, \`spec.revert\` leads back.`,
    "## Before the plan",
    procedure.accepts.map(({ say }) => `- ${say}`).join("\n"),
    "Each refusal and its way out: [halts](../operating/halts.md#refusals).",
    ...procedure.steps.flatMap((step) => stepLines(step, run, "##")),
    "## The way back (`spec.revert`)",
    "Parts that are done already run nothing, so it may begin anywhere before the point of no return.",
    ...procedure.revert.flatMap((step) => stepLines(step, run, "###")),
    ...Object.entries(run.ini).flatMap(([kind, text]) => [
      `## tungsten.ini, ${kind}`,
      `\`\`\`ini\n${text.trimEnd()}\n\`\`\``,
    ]),
  ]);
}

const exampleReset = {
  failedSite: "nyc",
  definitiveSite: "london",
  donor: "",
  method: "xtrabackup",
  drainSeconds: 30,
  acknowledgedFindings: [],
} as const;

function resetAllPage(procedure: Procedure, run: Run): string {
  return page([
    generated,
    "# Reset all sites",
    `Procedure \`${procedure.name}\`, revision ${procedure.revision}. Asked for by an [UpgradeRequest](../reference/upgraderequest.md). Source: ${procedure.source}.`,
    "The page goes node by node; here every act is a barrier over the whole estate ([why](../adr/0014-reset-order.md)). How to run it: [the runbook](../operating/reset-all-sites.md).",
    notation(run),
    `Abort, and the point of no return: ${placeInWords(procedure, procedure.abortUntil)}. Until its first command \`spec.abort\` undoes what was done; then there is only forward.`,
    "## Before the plan",
    procedure.accepts.map(({ say }) => `- ${say}`).join("\n"),
    "Each refusal and its way out: [the runbook](../operating/reset-all-sites.md#refusals).",
    ...procedure.steps.flatMap((step) => stepLines(step, run, "##")),
  ]);
}

function resetPage(procedure: Procedure, run: Run): string {
  return page([
    generated,
    "# Reset a site",
    `Procedure \`${procedure.name}\`, revision ${procedure.revision}. Asked for by an [UpgradeRequest](../reference/upgraderequest.md). Source: ${procedure.source}.`,
    "Here nyc has failed, london is definitive and its last replica is the donor. What moved against the vendor's page, and why: [0014](../adr/0014-reset-order.md). How to run it: [the runbook](../operating/reset-site.md).",
    notation(run),
    `Abort, and the point of no return: ${placeInWords(procedure, procedure.abortUntil)}. Until its first command \`spec.abort\` undoes what was done; then there is only forward.`,
    "## Before the plan",
    procedure.accepts.map(({ say }) => `- ${say}`).join("\n"),
    "Each refusal and its way out: [the runbook](../operating/reset-site.md#refusals).",
    ...procedure.steps.flatMap((step) => stepLines(step, run, "##")),
  ]);
}

/** A procedure that a request asks for by name; `runbook` is its page under docs/operating. */
function requestPage(title: string, runbook: string, run: Run, procedure: Procedure): string {
  return page([
    generated,
    `# ${title}`,
    `Procedure \`${procedure.name}\`, revision ${procedure.revision}. Asked for by an [UpgradeRequest](../reference/upgraderequest.md). Source: ${procedure.source}. How to run it: [the runbook](../operating/${runbook}).`,
    notation(run),
    `Abort costs nothing until: ${placeInWords(procedure, procedure.abortUntil)}.`,
    "## Before the plan",
    procedure.accepts.map(({ say }) => `- ${say}`).join("\n"),
    "Each refusal and its way out: [halts](../operating/halts.md#refusals).",
    ...procedure.steps.flatMap((step) => stepLines(step, run, "##")),
  ]);
}

const fixes: readonly FixParameters["action"][] = [
  { is: "SkipEvent", seqno: 4711 },
  { is: "ApplySql", sha256: "5a".repeat(32) },
  { is: "Online" },
  { is: "Force" },
  { is: "Reprovision", donor: "nyc-2", method: "xtrabackup" },
];

/** One procedure whose second step is another one for each action. */
function fixPage(run: Run): string {
  const about = { site: "nyc", service: "london", nodes: ["nyc-1"], reason: "why" };
  const of = (action: FixParameters["action"]) =>
    fixReplication({ ...about, action, ...(action.is === "Reprovision" && { service: "nyc" }) });
  const [first, , last] = of({ is: "Online" }).steps;
  const middle = fixes.flatMap((action) => {
    const [, step] = of(action).steps;
    return step === undefined ? [] : [`# Action ${action.is}`, ...stepLines(step, run, "##")];
  });
  const { accepts, name, revision, source } = of({ is: "Online" });
  return page([
    generated,
    "# Fix replication errors",
    `Procedure \`${name}\`, revision ${revision}. Asked for by an [UpgradeRequest](../reference/upgraderequest.md). Source: ${source}. How to run it: [the runbook](../operating/fix-replication.md).`,
    notation(run),
    "Shown for service `london` on `nyc-1`. Steps 1 and 3 are the same for every action; abort returns the policy until the very end, and with Reprovision until the provisioning has begun.",
    "## Before the plan",
    accepts.map(({ say }) => `- ${say}`).join("\n"),
    "Each refusal and its way out: [the runbook](../operating/fix-replication.md#refusals).",
    ...(first === undefined ? [] : stepLines(first, run, "##")),
    ...(last === undefined ? [] : stepLines(last, run, "##")),
    ...middle,
  ]);
}

const gentle = {
  rowsPerChunk: 20_000,
  secondsPerChunk: 5,
  pauseMilliseconds: 500,
  readings: 5,
  lagSeconds: 300,
};

function readingPage(procedure: Procedure, run: Run): string {
  return page([
    generated,
    "# Verify data",
    `Procedure \`${procedure.name}\`, revision ${procedure.revision}. Asked for by an [UpgradeRequest](../reference/upgraderequest.md). Source: ${procedure.source}.`,
    "It begins no command and changes nothing. How to read what it finds: [the runbook](../operating/verify-data.md).",
    "## Before the plan",
    procedure.accepts.map(({ say }) => `- ${say}`).join("\n"),
    ...procedure.steps.flatMap((step) => stepLines(step, run, "##")),
  ]);
}

function installPage(procedure: Procedure, run: Run): string {
  return page([
    generated,
    "# Install a site",
    `Procedure \`${procedure.name}\`, revision ${procedure.revision}. Nobody asks for it by name: a [TungstenCluster](../reference/tungstencluster.md) whose nodes lack a product is installed. Its ledger lies in the TungstenCluster's status ([why](../adr/0009-install-ledger.md)). Source: ${procedure.source}.`,
    "Steps 5 and 6 are walked only where a [CrossSiteLink](../reference/crosssitelink.md) leads to the site. The page shows site nyc.",
    "Nothing is planned or approved. The TungstenCluster's condition `Installed` says in its message which step it is at, and its `Ready` why it is not Ready yet; the conditions named below stand in that message only.",
    notation(run),
    ...procedure.steps.flatMap((step) => stepLines(withoutStalls(step), run, "##")),
  ]);
}

/** The installation of a member, for the sample estate of a composite beside the folder of the others. */
async function compositePage(
  samples: string,
  name: string,
  form: "CAA" | "CAP",
): Promise<readonly [string, string]> {
  const folder = `composite-${name}`;
  const run = exampleRun(await sampleEstate(join(samples, "..", folder)));
  const procedure = installSite(form === "CAP" ? "london" : "nyc", form);
  const text = page([
    generated,
    `# Install a member of a Composite ${form === "CAP" ? "Active/Passive" : "Active/Active"}`,
    `Procedure \`${procedure.name}\`, revision ${procedure.revision}. Nobody asks for it by name: a [TungstenCluster](../reference/tungstencluster.md) that a [CompositeService](../reference/compositeservice.md) names is installed this way, each by a ledger of its own and all at the same time. Source: ${procedure.source}.`,
    form === "CAP"
      ? "The page shows site london, which relays nyc; nyc itself has nothing to wait for in step 6."
      : "The page shows site nyc. DynamicActiveActive is installed the same way: its tungsten.ini holds two options of connectors more.",
    "Nothing is planned or approved. The TungstenCluster's condition `Installed` says in its message which step it is at, the CompositeService's `Ready` where each of its sites is. What keeps it from beginning: [forming a composite](../operating/composites.md).",
    notation(run, folder),
    ...procedure.steps.flatMap((step) => stepLines(withoutStalls(step), run, "##")),
  ]);
  return [`docs/procedures/install-${folder}.md`, text];
}

function configurationPage(site: Site, run: Run): string {
  const [primary, ...replicas] = site.nodes;
  if (primary === undefined) throw new Error(`${site.name} has no node`);
  const nodes = [...replicas, primary];
  const procedure = applyConfiguration({ site: site.name, nodes, kind: "MSAA", crossSite: true });
  return page([
    generated,
    "# Apply a changed configuration",
    `Procedure \`${procedure.name}\`, revision ${procedure.revision}. Nobody asks for it by name: a change of \`spec.options\` of a [TungstenCluster](../reference/tungstencluster.md) or a [CrossSiteLink](../reference/crosssitelink.md) does. Its ledger lies in the TungstenCluster's status. Source: ${procedure.source}.`,
    "One tungsten.ini serves the whole estate, so a change of one site's options is brought to every site: one after the other, in the order of their names. The page shows site nyc of a Multi-Site/Active-Active estate. In a composite there is no second product, and the incoming services are `nyc_from_london` and so on.",
    "Nodes are taken one by one, replicas first, the live primary last. The condition `ConfigurationApplied` says in its message which step it is at; the conditions named below stand in that message only. How to read it: [changing a site](../operating/changes.md).",
    notation(run),
    ...procedure.steps.flatMap((step) => stepLines(withoutStalls(step), run, "##")),
  ]);
}

function dataserverPage(site: Site, run: Run): string {
  const [primary, next, ...others] = site.nodes;
  if (primary === undefined || next === undefined) throw new Error(`${site.name} has no two nodes`);
  const wanted = Object.fromEntries(site.nodes.map((node) => [node.name, "<sha256>"]));
  const about = { site: site.name, replicas: [next, ...others], primary, next, wanted };
  const procedure = maintainDataserver({ ...about, home: primary, kind: "MSAA" });
  return page([
    generated,
    "# Restart the databases of a site",
    `Procedure \`${procedure.name}\`, revision ${procedure.revision}. Nobody asks for it by name: a change of \`spec.mysql.settings\` of a [TungstenCluster](../reference/tungstencluster.md) does, by the word of \`spec.changes\`. Its ledger lies in the TungstenCluster's status. Source: ${procedure.source}.`,
    "The page shows site nyc of a Multi-Site/Active-Active estate, with `spec.changes.switchBack`. Without it the step that switches back is left out.",
    "Each part looks first: a node whose database runs with the wanted file is neither shunned nor restarted, and where the primary's is such a one nothing is switched. The condition `DatabaseCurrent` says in its message which step it is at; the conditions named below stand in that message only. How to read it: [changing a site](../operating/changes.md).",
    notation(run),
    ...procedure.steps.flatMap((step) => stepLines(withoutStalls(step), run, "##")),
  ]);
}

/** What a site does by itself tells nobody that it stalls. */
const withoutStalls = (step: Step): Step => ({
  ...step,
  parts: step.parts.map(({ stallSeconds: _, ...part }) => part),
});

const page = (paragraphs: readonly string[]): string => `${paragraphs.join("\n\n")}\n`;

/** The way back has no undo of its own: its steps stand one level lower, and without it. */
function stepLines(step: Step, run: Run, level: "##" | "###"): readonly string[] {
  const forward = level === "##";
  const number = forward ? `Step ${step.n}. ` : "";
  const back =
    typeof step.undo === "string"
      ? [`Undo: ${step.undo}`]
      : [`${level}# Undo`, ...step.undo.flatMap((part, index) => partLines(`${index + 1}. `, part, run))];
  return [
    `${level} ${number}${step.title}`,
    `Condition: \`${step.condition}\`.`,
    ...step.parts.flatMap((part, index) => partLines(`${step.n}.${index + 1} `, part, run)),
    ...(forward ? back : []),
  ];
}

function partLines(label: string, part: Part, run: Run): readonly string[] {
  const targets = part.on(run);
  const notes = [
    ...(part.vendor === undefined ? [] : [`- The vendor's line: \`${part.vendor}\``]),
    ...(part.guards ?? []).map(({ say }) => `- Only while: ${say}.`),
    ...(part.stallSeconds === undefined ? [] : [`- Told as stalled after ${part.stallSeconds} s.`]),
  ];
  const alternatives = part.run.flatMap((alternative) => {
    const effects = targets.map((target) => effectInWords(alternative.effect(target, run, 1), run));
    if (effects.length === 0) return [`When ${alternative.when}.`];
    return [`When ${alternative.when}:`, `\`\`\`text\n${folded(effects, run).join("\n")}\n\`\`\``];
  });
  if (targets.length === 0) notes.push("- Nothing in the sample estate calls for it.");
  return [
    `**${label}${part.what}** (${targets.length === 1 ? "1 target" : `${targets.length} targets`})`,
    ...(notes.length === 0 ? [] : [notes.join("\n")]),
    ...(alternatives.length === 0 ? ["Runs nothing: it waits until that is so."] : alternatives),
  ];
}

/** Nodes that run the same words share a line. */
function folded(effects: readonly { node: string; text: string }[], run: Run): readonly string[] {
  const nodes = new Map<string, Set<string>>();
  for (const { node, text } of effects) {
    const words = text.replaceAll(run.tag, "<run>").replaceAll(`-${node}`, "-<node>");
    nodes.set(words, (nodes.get(words) ?? new Set()).add(node));
  }
  return [...nodes].map(([words, names]) => `${[...names].join(" ")}\n    ${words}`);
}
