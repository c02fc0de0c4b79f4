/** The pages under docs/procedures, printed from the procedures themselves for the sample estate: nothing in them is written by hand. */
import { join } from "node:path";
import { applyConfiguration } from "../src/procedures/apply-configuration.ts";
import { changeTransport } from "../src/procedures/change-transport.ts";
import { checkPaths } from "../src/procedures/check-paths.ts";
import { convertMsaaToCaa } from "../src/procedures/convert-msaa-to-caa.ts";
import { failOver } from "../src/procedures/failover.ts";
import type { FixParameters } from "../src/procedures/fix-names.ts";
import { fixReplication } from "../src/procedures/fix-replication.ts";
import { holdNode } from "../src/procedures/hold-node.ts";
import { installSite } from "../src/procedures/install-site.ts";
import { keepAccounts, settleAccounts } from "../src/procedures/keep-accounts.ts";
import { keepConnectors } from "../src/procedures/keep-connectors.ts";
import { maintainDataserver } from "../src/procedures/maintain-dataserver.ts";
import { placeInWords } from "../src/procedures/plan.ts";
import type { Procedure, Run } from "../src/procedures/procedure.ts";
import { failSiteOver } from "../src/procedures/site-failover.ts";
import { switchSite } from "../src/procedures/site-switch.ts";
import { switchPrimary } from "../src/procedures/switch.ts";
import { upgradeSoftware } from "../src/procedures/upgrade-software.ts";
import { verifyData } from "../src/procedures/verify-data.ts";
import { type Estate, type Site, siteNamed } from "../src/topology/estate.ts";
import { withConnectors } from "../src/topology/members.ts";
import { joiningPages } from "./joining-pages.ts";
import { leavingPages } from "./leaving-pages.ts";
import {
  exampleRun,
  generated,
  notation,
  page,
  sampleEstate,
  stepLines,
  withoutStalls,
} from "./page-parts.ts";
import { resetPages } from "./reset-pages.ts";
import { additionPage, fillingPage, removalPage, type ScalingPage } from "./scaling-pages.ts";

/** Path → page. `samples` is the folder whose objects make the example estate. */
export async function procedurePages(samples: string): Promise<readonly (readonly [string, string])[]> {
  const estate = await sampleEstate(samples);
  const run = exampleRun(estate);
  const conversion = convertMsaaToCaa({
    backup: { mode: "Take" },
    limits: { latencySeconds: 5, backlogEvents: 10_000, oldestTransactionSeconds: 60 },
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
    await sitePage(
      samples,
      "switch-site",
      "Let another site take the writes",
      switchSite({ to: "london", latencySeconds: 5 }),
    ),
    await sitePage(samples, "failover-site", "Fail a site over by force", failSiteOver({ to: "london" })),
    [
      "docs/procedures/check-paths.md",
      requestPage("Check every path", "check-paths.md", run, checkPaths({ beats: 1, everySeconds: 60 })),
    ],
    ["docs/procedures/upgrade-software.md", upgradePage(run)],
    ["docs/procedures/fix-replication.md", fixPage(run)],
    ["docs/procedures/install-site.md", installPage(installSite(site.name, "Linked"), run)],
    await compositePage(samples, "active-active", "CAA"),
    await compositePage(samples, "active-passive", "CAP"),
    ["docs/procedures/apply-configuration.md", configurationPage(site, run)],
    ["docs/procedures/change-transport.md", transportPage(estate, run)],
    ...(await leavingPages(samples, estate, run)),
    ["docs/procedures/add-nodes.md", scalingPage(additionPage(estate, site, exampleRun))],
    ["docs/procedures/remove-nodes.md", scalingPage(removalPage(site, run))],
    ["docs/procedures/fill-site.md", scalingPage(fillingPage(estate, site, exampleRun))],
    ...(await joiningPages(samples)),
    ["docs/procedures/keep-accounts.md", accountsPage(site, run)],
    ["docs/procedures/keep-connectors.md", connectorsPage(estate)],
    ["docs/procedures/maintain-dataserver.md", dataserverPage(site, run)],
    ["docs/procedures/hold-node.md", holdPage(site, run)],
  ];
}

/** A procedure over an active/passive composite, in which nyc takes the writes and london is to. */
async function sitePage(
  samples: string,
  name: string,
  title: string,
  procedure: Procedure,
): Promise<readonly [string, string]> {
  const folder = "composite-active-passive";
  const run = exampleRun(await sampleEstate(join(samples, "..", folder)));
  const pinned = { ...run, pins: { ...run.pins, activeSite: "nyc" } };
  return [`docs/procedures/${name}.md`, requestPage(title, "switch.md", pinned, procedure, folder)];
}

/** The move that the pages of Switch and Failover show. */
const aside = { site: "nyc", to: "nyc-1" };

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

/** A procedure that a request asks for by name; `runbook` is its page under docs/operating. */
function requestPage(
  title: string,
  runbook: string,
  run: Run,
  procedure: Procedure,
  folder = "msaa",
): string {
  return page([
    generated,
    `# ${title}`,
    `Procedure \`${procedure.name}\`, revision ${procedure.revision}. Asked for by an [UpgradeRequest](../reference/upgraderequest.md). Source: ${procedure.source}. How to run it: [the runbook](../operating/${runbook}).`,
    notation(run, folder),
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
  const procedure = applyConfiguration({
    site: site.name,
    nodes,
    kind: "MSAA",
    crossSite: true,
    channels: { local: 5, incoming: {} },
    joins: true,
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

const scalingPage = ({ title, told, shows, procedure, run }: ScalingPage): string =>
  page([
    generated,
    `# ${title}`,
    `Procedure \`${procedure.name}\`, revision ${procedure.revision}. ${told} Source: ${procedure.source}.`,
    ...[shows, notation(run)],
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

/** For the sample estate with a connector pod more at nyc. */
function connectorsPage(estate: Estate): string {
  const wide = withConnectors(estate, "nyc", 1);
  const run = exampleRun(wide);
  const hosts = siteNamed(wide, "nyc").connectors;
  const procedure = keepConnectors({ site: "nyc", hosts, kind: "MSAA", secret: "<version>" });
  return page([
    generated,
    "# Keep the connector pods of a site",
    `Procedure \`${procedure.name}\`, revision ${procedure.revision}. Nobody asks for it by name: \`spec.connector.replicas\` of a [TungstenCluster](../reference/tungstencluster.md) does, and whatever changes the nodes it follows. Its ledger lies in the TungstenCluster's status. Source: ${procedure.source}.`,
    "The page shows one connector pod of site nyc; more are taken one after the other, a step each. Parts that are done already run nothing: a host that is installed is only updated, and one that runs as the nodes do is left alone. The condition `ConnectorsInService` says in its message which step it is at; the conditions named below stand in that message only. How to read it: [changing a site](../operating/changes.md#connector-pods).",
    notation(run),
    ...procedure.steps.flatMap((step) => stepLines(withoutStalls(step), run, "##")),
  ]);
}

function transportPage(estate: Estate, run: Run): string {
  const sites = estate.sites.map(({ nodes: [primary, ...replicas] }) =>
    primary === undefined ? [] : [...replicas, primary],
  );
  const procedure = changeTransport({ sites, kind: "MSAA", crossSite: true, secured: true });
  return page([
    generated,
    "# TLS for the replicators of an estate",
    `Procedure \`${procedure.name}\`, revision ${procedure.revision}. Nobody asks for it by name: \`spec.tls\` of every [TungstenCluster](../reference/tungstencluster.md) and [CrossSiteLink](../reference/crosssitelink.md) of an estate does, and a word in \`spec.changes.approved\` begins it. Its ledger lies in the status of the TungstenCluster whose name comes first. Source: ${procedure.source}.`,
    "The page shows a Multi-Site/Active-Active estate that is to have it; back it goes by the same steps with `thl://`. In a composite there is no second product. The condition `TransportCurrent` says in its message which step it is at; the conditions named below stand in that message only. How to read it: [changing a site](../operating/changes.md#tls-for-replicators).",
    notation(run),
    ...procedure.steps.flatMap((step) => stepLines(withoutStalls(step), run, "##")),
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
