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
import { holdNode } from "../src/procedures/hold-node.ts";
import { installSite } from "../src/procedures/install-site.ts";
import { keepAccounts, settleAccounts } from "../src/procedures/keep-accounts.ts";
import { maintainDataserver } from "../src/procedures/maintain-dataserver.ts";
import { placeInWords } from "../src/procedures/plan.ts";
import { runOf } from "../src/procedures/prepare.ts";
import type { Procedure, Run } from "../src/procedures/procedure.ts";
import { resetAllSites } from "../src/procedures/reset-all-sites.ts";
import { resetSite } from "../src/procedures/reset-site.ts";
import { resetSiteCaa } from "../src/procedures/reset-site-caa.ts";
import { resetSiteMsmm } from "../src/procedures/reset-site-msmm.ts";
import { switchPrimary } from "../src/procedures/switch.ts";
import { upgradeSoftware } from "../src/procedures/upgrade-software.ts";
import { verifyData } from "../src/procedures/verify-data.ts";
import type { Estate, Site } from "../src/topology/estate.ts";
import { generated, notation, page, stepLines, withoutStalls } from "./procedure-print.ts";
import { additionPage, removalPage, type ScalingPage, scalingIs } from "./scaling-pages.ts";

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
    ...resetPages(run),
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
    ["docs/procedures/upgrade-software.md", upgradePage(run)],
    ["docs/procedures/fix-replication.md", fixPage(run)],
    ["docs/procedures/install-site.md", installPage(installSite(site.name, true), run)],
    ["docs/procedures/apply-configuration.md", configurationPage(site, run)],
    ["docs/procedures/add-nodes.md", scalingPage(additionPage(estate, site, exampleRun))],
    ["docs/procedures/remove-nodes.md", scalingPage(removalPage(site, run))],
    ["docs/procedures/keep-accounts.md", accountsPage(site, run)],
    ["docs/procedures/maintain-dataserver.md", dataserverPage(site, run)],
    ["docs/procedures/hold-node.md", holdPage(site, run)],
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
  topology: "MSAA",
  donor: "",
  method: "xtrabackup",
  drainSeconds: 30,
  acknowledgedFindings: [],
} as const;

/** The resets are printed for each topology by its own services. */
function resetPages(run: Run): readonly (readonly [string, string])[] {
  const installedAs = (topology: "MSAA" | "CAA" | "MSMM"): Run => ({
    ...run,
    pins: { ...run.pins, topology },
  });
  const all = (topology: "MSAA" | "CAA") =>
    resetAllPage(resetAllSites({ site: "nyc", topology, drainSeconds: 30 }), installedAs(topology), topology);
  return [
    ["docs/procedures/reset-site.md", resetPage(resetSite(exampleReset), run, "Multi-Site/Active-Active")],
    [
      "docs/procedures/reset-site-caa.md",
      resetPage(
        resetSiteCaa({ ...exampleReset, topology: "CAA" }),
        installedAs("CAA"),
        "Composite Active/Active",
      ),
    ],
    [
      "docs/procedures/reset-site-msmm.md",
      resetPage(
        resetSiteMsmm({ ...exampleReset, topology: "MSMM" }),
        installedAs("MSMM"),
        "multi-site releases before 6",
      ),
    ],
    ["docs/procedures/reset-all-sites.md", all("MSAA")],
    ["docs/procedures/reset-all-sites-caa.md", all("CAA")],
  ];
}

function resetAllPage(procedure: Procedure, run: Run, topology: "MSAA" | "CAA"): string {
  return page([
    generated,
    `# Reset all sites, ${topology}`,
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

function resetPage(procedure: Procedure, run: Run, topology: string): string {
  return page([
    generated,
    `# Reset a site, ${topology}`,
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

/** Parts that have no target in the example are left out: the other form of the ini, members that are not there. */
function upgradePage(run: Run): string {
  const procedure = upgradeSoftware({ release: run.estate.sites[0]?.release ?? "", latencySeconds: 60 });
  const steps = procedure.steps.map((step) => ({
    ...step,
    parts: step.parts.filter((part) => part.on(run).length > 0),
  }));
  return page([
    generated,
    "# Upgrade the software",
    `Procedure \`${procedure.name}\`, revision ${procedure.revision}. Asked for by an [UpgradeRequest](../reference/upgraderequest.md). Source: ${procedure.source}. How to run it: [the runbook](../operating/upgrade.md).`,
    `${notation(run)}\n- The page shows an update to ${run.estate.sites[0]?.release}. In a composite there is no second product, and tungsten.ini is written in its CAA form.`,
    `Abort costs nothing until: ${placeInWords(procedure, procedure.abortUntil)}.`,
    "## Before the plan",
    procedure.accepts.map(({ say }) => `- ${say}`).join("\n"),
    "Each refusal and its way out: [the runbook](../operating/upgrade.md#refusals).",
    ...steps.flatMap((step) => stepLines(step, run, "##")),
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
    "Steps 4 and 5 are walked only where a [CrossSiteLink](../reference/crosssitelink.md) leads to the site. The page shows site nyc.",
    "Nothing is planned or approved. The TungstenCluster's condition `Installed` says in its message which step it is at, and its `Ready` why it is not Ready yet; the conditions named below stand in that message only.",
    notation(run),
    ...procedure.steps.flatMap((step) => stepLines(withoutStalls(step), run, "##")),
  ]);
}

function configurationPage(site: Site, run: Run): string {
  const [primary, ...replicas] = site.nodes;
  if (primary === undefined) throw new Error(`${site.name} has no node`);
  const nodes = [...replicas, primary];
  const procedure = applyConfiguration({
    site: site.name,
    nodes,
    kind: "MSAA",
    crossSite: true,
    channels: { local: 5, incoming: {} },
  });
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

const scalingPage = ({ title, told, procedure, run }: ScalingPage): string =>
  page([
    generated,
    `# ${title}`,
    `Procedure \`${procedure.name}\`, revision ${procedure.revision}. ${told} Source: ${procedure.source}.`,
    ...[scalingIs, notation(run)],
    ...procedure.steps.flatMap((step) => stepLines(withoutStalls(step), run, "##")),
  ]);

function accountsPage(site: Site, run: Run): string {
  const about = { site: site.name, secret: "<version>" };
  const [keep, settle] = [keepAccounts(about), settleAccounts(about)];
  return page([
    generated,
    "# Keep the accounts of a site",
    `Procedures \`${keep.name}\`, revision ${keep.revision}, and \`${settle.name}\`, revision ${settle.revision}. Nobody asks for them by name: \`spec.users\` of a [TungstenCluster](../reference/tungstencluster.md) and changed Secrets do. Their ledger lies in the TungstenCluster's status. Source: ${keep.source}.`,
    "The page shows site nyc. Every site of the estate walks the first by itself; the second one begins when all of them have. The condition `AccountsCurrent` says in its message which step it is at; the conditions named below stand in that message only. How to read it: [changing a site](../operating/changes.md#further-application-users).",
    notation(run),
    ...keep.steps.flatMap((step) => stepLines(withoutStalls(step), run, "##")),
    "# When every site has them",
    ...settle.steps.flatMap((step) => stepLines(withoutStalls(step), run, "##")),
  ]);
}

function dataserverPage(site: Site, run: Run): string {
  const [primary, next, ...others] = site.nodes;
  if (primary === undefined || next === undefined) throw new Error(`${site.name} has no two nodes`);
  const wanted = Object.fromEntries(site.nodes.map((node) => [node.name, "<sha256>"]));
  const about = { site: site.name, replicas: [next, ...others], primary, next, wanted, pod: "<template>" };
  const procedure = maintainDataserver({ ...about, home: primary, kind: "MSAA" });
  return page([
    generated,
    "# Restart the nodes of a site",
    `Procedure \`${procedure.name}\`, revision ${procedure.revision}. Nobody asks for it by name: a change of \`spec.mysql.settings\`, \`spec.image\` or \`spec.resources\` of a [TungstenCluster](../reference/tungstencluster.md) does, by the word of \`spec.changes\`. Its ledger lies in the TungstenCluster's status. Source: ${procedure.source}.`,
    "The page shows site nyc of a Multi-Site/Active-Active estate, with `spec.changes.switchBack`. Without it the step that switches back is left out.",
    "Each part looks first: a node whose database runs with the wanted file, in a pod of the wanted image and resources, is neither shunned nor restarted, and where the primary is such a one nothing is switched. The condition `DatabaseCurrent` says in its message which step it is at; the conditions named below stand in that message only. How to read it: [changing a site](../operating/changes.md).",
    notation(run),
    ...procedure.steps.flatMap((step) => stepLines(withoutStalls(step), run, "##")),
  ]);
}

function holdPage(site: Site, run: Run): string {
  const node = site.nodes.at(-1);
  if (node === undefined) throw new Error(`${site.name} has no node`);
  const procedure = holdNode({ site: site.name, node, kind: "MSAA", released: false });
  return page([
    generated,
    "# Leave a node to a human",
    `Procedure \`${procedure.name}\`, revision ${procedure.revision}. Nobody asks for it by name: \`spec.maintenance\` of a [TungstenCluster](../reference/tungstencluster.md) does, for as long as it stands there. Its ledger lies in the TungstenCluster's status. Source: ${procedure.source}.`,
    `The page shows node ${node.name} of site ${site.name} of a Multi-Site/Active-Active estate. The condition \`HandWorkDone\` says in its message which step it is at; the conditions named below stand in that message only. How to use it: [changing a site](../operating/changes.md#one-node-for-work-by-hand).`,
    notation(run),
    ...procedure.steps.flatMap((step) => stepLines(withoutStalls(step), run, "##")),
  ]);
}
