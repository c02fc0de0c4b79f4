/** Pre-flight of a reset: what must hold before a plan is made. Each refusal is one sentence with a way out. */
import { dataNodes, type Estate, type Node, siteNamed } from "../topology/estate.ts";
import type { Fact, Facts } from "../tungsten/facts.ts";
import {
  clusterView,
  databaseService,
  dataSize,
  iniState,
  reach,
  serverSettings,
  services,
  space,
  thlRange,
} from "../tungsten/node-facts.ts";
import { soleMaster } from "./conversion-pins.ts";
import { nothingHeld } from "./conversion-preflight-sites.ts";
import { wordOf } from "./conversion-readers.ts";
import type { Acceptance, AcceptanceAnswer, Finding, Objection } from "./procedure.ts";
import { donorOf, masterOf, topologyOf, viewOf } from "./reset-pins.ts";
import type { ResetParameters } from "./reset-scopes.ts";
import { eventsInWords, gapsOf, standingsOf } from "./reset-standing.ts";

const at = "spec.resetSite";
const ok: AcceptanceAnswer = { ok: true };

const oneEstate = ({ failedSite, definitiveSite }: ResetParameters): Acceptance => ({
  say: "failed and definitive site belong to one estate",
  ask(estate) {
    const missing = [failedSite, definitiveSite].find(
      (name) => !estate.sites.some((site) => site.name === name),
    );
    return missing === undefined
      ? ok
      : {
          refused: `${missing} is not linked with the estate of ${failedSite}; name two sites that read each other`,
        };
  },
});

/** Which page of the vendor's applies. */
const topology: Acceptance = {
  say: "every node is installed alike, as a topology whose reset is known",
  ask(estate, facts) {
    const kind = topologyOf(estate, facts);
    if (typeof kind === "object") return kind;
    return kind === "MSAA"
      ? ok
      : {
          refused: `the estate is installed as ${kind === "CAA" ? "Composite Active/Active" : "the multi-site topology of releases before 6"}; this version of the operator resets Multi-Site/Active-Active of release 6 and later only: follow the vendor's page for yours`,
        };
  },
};

function onNodes<T>(
  nodes: readonly Node[],
  fact: (node: Node) => Fact<T>,
  facts: Facts,
  judge: (node: Node, value: T) => string | undefined,
): readonly Objection[] {
  return nodes.flatMap((node): Objection[] => {
    const answer = facts.get(node.name, fact(node));
    if ("unknown" in answer) return [{ on: node.site, unknown: `${node.name}: ${answer.unknown}` }];
    const refused = judge(node, answer.known);
    return refused === undefined ? [] : [{ on: node.site, refused }];
  });
}

/** What reads the failed site may be in any state; all else of the others must work, or the reset would hide a second fault. */
const othersHealthy = ({ failedSite }: ResetParameters): Acceptance => ({
  say: "every other site has one ONLINE primary, and every service ONLINE but those that read the failed site",
  ask(estate, facts) {
    const nodes = dataNodes(estate).filter(({ site }) => site !== failedSite);
    const failed = estate.sites.find(({ name }) => name === failedSite)?.dataservice;
    const judge = (product: "cluster" | "crossSite") =>
      onNodes(
        nodes,
        () => services(product),
        facts,
        (node, all) => {
          if (all === "down") return `the ${product} replicator of ${node.name} does not run; start it first`;
          const off = all
            .filter(({ service }) => product === "cluster" || service !== failed)
            .find(({ state }) => state !== "ONLINE");
          return off && `service ${off.service} of ${node.name} is ${wordOf(off)}; bring it ONLINE first`;
        },
      );
    const primaries = onNodes(
      nodes,
      () => clusterView,
      facts,
      (node, view) =>
        soleMaster(view) === undefined
          ? `${node.site} has no single ONLINE primary by the word of ${node.name}; bring one up first`
          : undefined,
    );
    return { objections: [...judge("cluster"), ...judge("crossSite"), ...primaries] };
  },
});

const failedAnswers = ({ failedSite }: ResetParameters): Acceptance => ({
  say: "every node of the failed site answers, and its managers name one primary",
  ask(estate, facts) {
    const nodes = dataNodes(estate).filter(({ site }) => site === failedSite);
    const service = siteNamed(estate, failedSite).dataservice;
    return {
      objections: [
        ...onNodes(
          nodes,
          () => clusterView,
          facts,
          (node, view) =>
            masterOf(view) === undefined
              ? `${node.name} names no single primary of ${failedSite}; start its managers and let them agree first`
              : undefined,
        ),
        ...onNodes(
          nodes,
          () => databaseService,
          facts,
          () => undefined,
        ),
        ...onNodes(
          nodes,
          () => thlRange("cluster", service),
          facts,
          () => undefined,
        ),
      ],
    };
  },
});

const donorFits = (parameters: ResetParameters): Acceptance => ({
  say: "the donor is an ONLINE replica of the definitive site",
  ask(estate, facts) {
    const { definitiveSite } = parameters;
    const site = siteNamed(estate, definitiveSite);
    const view = viewOf(site, facts);
    if (view === undefined)
      return { objections: [{ on: definitiveSite, unknown: `no manager of ${definitiveSite} answers` }] };
    const donor = donorOf(parameters, estate, view);
    const own = view.datasources.find(({ name }) => name === donor);
    if (donor === undefined)
      return {
        refused: `${definitiveSite} has no ONLINE replica to copy from; bring one up first: its primary is never taken out`,
      };
    if (!site.nodes.some(({ name, witness }) => name === donor && !witness))
      return {
        refused: `${at}.donor is ${donor}, which is no data node of ${definitiveSite}; name one of its replicas`,
      };
    return own?.role === "slave" && own.state === "ONLINE"
      ? ok
      : {
          refused: `${at}.donor ${donor} is ${own?.role ?? "not listed"}:${own?.state ?? ""}; name an ONLINE replica of ${definitiveSite}`,
        };
  },
});

/** A finding that is refused until a human has read it, and stands in the plan from then on. */
function worded(
  acknowledged: readonly string[],
  found: readonly (Finding & { readonly on: string })[],
): AcceptanceAnswer {
  const objections = found
    .filter(({ id }) => !acknowledged.includes(id))
    .map(
      ({ on, id, text }): Objection => ({
        on,
        refused: `${text}; if that may be, add "${id}" to ${at}.acknowledgedFindings`,
      }),
    );
  const known = found.filter(({ id }) => acknowledged.includes(id));
  return { objections, findings: known.map(({ id, text, needsWord }) => ({ id, text, needsWord })) };
}

const twoRemain = ({ definitiveSite, acknowledgedFindings }: ResetParameters): Acceptance => ({
  say: "the definitive site keeps two usable nodes while its donor is out, or a human has read that it does not",
  ask(estate, facts) {
    const view = viewOf(siteNamed(estate, definitiveSite), facts);
    if (view === undefined)
      return { objections: [{ on: definitiveSite, unknown: `no manager of ${definitiveSite} answers` }] };
    const online = view.datasources.filter(({ state }) => state === "ONLINE").length;
    if (online > 2) return ok;
    const text = `while its data are copied ${definitiveSite} has its primary alone`;
    return worded(acknowledgedFindings, [
      { id: `primary-alone:${definitiveSite}`, text, needsWord: true, on: definitiveSite },
    ]);
  },
});

const sameServer = ({ failedSite, definitiveSite }: ResetParameters): Acceptance => ({
  say: "the servers of both sites are of one version",
  ask(estate, facts) {
    const first = new Map<string, string>();
    const nodes = dataNodes(estate).filter(({ site }) => site === failedSite || site === definitiveSite);
    const asked = nodes.filter((node) => {
      const running = facts.get(node.name, databaseService);
      // A stopped server is compared by the copy itself.
      return node.site === definitiveSite || ("known" in running && running.known === "running");
    });
    return {
      objections: onNodes(
        asked,
        () => serverSettings,
        facts,
        (node, { version }) => {
          const [other] = first;
          first.set(version, node.name);
          return other === undefined || other[0] === version
            ? undefined
            : `${node.name} runs server ${version}, ${other[1]} runs ${other[0]}; data are copied between equal versions only: bring them to one`;
        },
      ),
    };
  },
});

/** A copy brings the donor's accounts with it, and the failed site's Secret has to fit them from then on. */
const sameAccounts = (parameters: ResetParameters): Acceptance => ({
  say: "both sites log in with the same accounts, or a human has read that they do not",
  ask(estate, facts) {
    const { failedSite, definitiveSite, acknowledgedFindings } = parameters;
    const [failed, definitive] = [failedSite, definitiveSite].map((name) => {
      const node = siteNamed(estate, name).nodes.find(({ witness }) => !witness);
      return { name, fact: facts.get(node?.name ?? name, iniState) };
    });
    const open = [failed, definitive].find((each) => each === undefined || "unknown" in each.fact);
    if (failed === undefined || definitive === undefined || open !== undefined)
      return { objections: [{ on: failedSite, unknown: "the mounted Secrets are not told yet" }] };
    const secrets = [failed, definitive].map(({ fact }) => ("known" in fact ? fact.known.secret : null));
    if (secrets[0] === secrets[1]) return ok;
    const text = `the credentials of ${failedSite} and ${definitiveSite} differ, and after the copy ${failedSite}'s servers have the accounts of ${definitiveSite}: give both the same Secrets`;
    return worded(acknowledgedFindings, [
      { id: `secrets-differ:${failedSite}`, text, needsWord: true, on: failedSite },
    ]);
  },
});

const roomForExport = ({ failedSite, definitiveSite }: ResetParameters): Acceptance => ({
  say: "the failed site's backups volumes have room for what is exported",
  ask(estate, facts) {
    const sizes = dataNodes(estate)
      .filter(({ site }) => site === definitiveSite)
      .map(({ name }) => facts.get(name, dataSize));
    const bytes = Math.max(0, ...sizes.map((size) => ("known" in size ? size.known : 0))) * 2;
    const nodes = dataNodes(estate).filter(({ site }) => site === failedSite);
    return {
      objections: onNodes(
        nodes,
        () => space,
        facts,
        (node, volumes) => {
          const free = volumes.find(({ path }) => path === "/backups")?.freeBytes ?? 0;
          return free >= bytes
            ? undefined
            : `/backups of ${node.name} has ${Math.floor(free / 1024 ** 2)} MiB free; data directory, binary logs and THL may take ${Math.ceil(bytes / 1024 ** 2)}: make room`;
        },
      ),
    };
  },
});

/** tprovision and the copy go by the pods' own ssh. */
const sshPort = 2222;
const sshOpen = (parameters: ResetParameters): Acceptance => ({
  say: "the failed site's nodes reach the node they are copied from by ssh",
  ask(estate, facts) {
    const { failedSite, definitiveSite } = parameters;
    const failed = siteNamed(estate, failedSite);
    const [own, theirs] = [viewOf(failed, facts), viewOf(siteNamed(estate, definitiveSite), facts)];
    const primary = own && masterOf(own);
    const donor = theirs && donorOf(parameters, estate, theirs);
    if (primary === undefined || donor === undefined)
      return { objections: [{ on: failedSite, unknown: "primary and donor are not known yet" }] };
    const nodes = failed.nodes.filter(({ witness }) => !witness);
    const from = (node: Node): string => (node.name === primary ? donor : primary);
    return {
      objections: onNodes(
        nodes,
        (node) => reach([`${from(node)}:${sshPort}`]),
        facts,
        (node, endpoints) => {
          const shut = endpoints.find(({ state }) => state !== "open");
          return (
            shut &&
            `${node.name} cannot reach ${shut.endpoint} (${shut.state}); mount the Secret tungsten-ssh and open the port`
          );
        },
      ),
    };
  },
});

/** What the failed site still gives to the others arrives during the run; what it no longer gives needs a word now. */
const lossKnown = ({ failedSite, acknowledgedFindings }: ResetParameters): Acceptance => ({
  say: "what exists at the failed site only, or on some of the others only, is known and acknowledged",
  ask(estate, facts) {
    const kind = topologyOf(estate, facts);
    const product = kind === "CAA" ? "cluster" : "crossSite";
    const failed = siteNamed(estate, failedSite);
    const view = viewOf(failed, facts);
    const primary = view && masterOf(view);
    const own = primary === undefined ? undefined : facts.get(primary, services("cluster"));
    const standings = standingsOf(estate, failedSite, product, facts);
    if (own === undefined || "unknown" in own || typeof standings === "string")
      return {
        objections: [
          {
            on: failedSite,
            unknown: typeof standings === "string" ? standings : `${primary ?? failedSite} is not read yet`,
          },
        ],
      };
    const serving =
      own.known !== "down" &&
      own.known.some(({ service, state }) => service === failed.dataservice && state === "ONLINE");
    const flowing =
      serving &&
      standings.readers.every(({ status }) => typeof status !== "string" && status.state === "ONLINE");
    const found = [
      ...(serving
        ? []
        : [
            {
              id: `unextracted:${failedSite}`,
              text: `${primary}'s own service is not ONLINE, so what it wrote last may never have left its binary log and would be gone; the binary logs are exported`,
            },
          ]),
      ...(flowing ? [] : gapsOf(failedSite, standings)),
    ];
    return worded(
      acknowledgedFindings,
      found.map(({ id, text }) => ({
        id,
        text: `${text}${eventsInWords(estate, failedSite, id, facts)}`,
        needsWord: true,
        on: failedSite,
      })),
    );
  },
});

/** All checks, cheapest and most telling first. */
export const acceptsReset = (parameters: ResetParameters): readonly Acceptance[] =>
  [
    oneEstate(parameters),
    topology,
    failedAnswers(parameters),
    othersHealthy(parameters),
    donorFits(parameters),
    twoRemain(parameters),
    sameServer(parameters),
    sameAccounts(parameters),
    nothingHeld,
    roomForExport(parameters),
    sshOpen(parameters),
    lossKnown(parameters),
  ].map((each, index) => (index === 0 ? each : onceOne(parameters, each)));

/** Nothing else can be asked while a site is not there. */
const onceOne = (parameters: ResetParameters, acceptance: Acceptance): Acceptance => ({
  say: acceptance.say,
  ask(estate, facts) {
    const answer = oneEstate(parameters).ask(estate, facts);
    return "refused" in answer ? ok : acceptance.ask(estate, facts);
  },
});

/** Lines of the pre-flight report: where everybody stands in the failed site's log. */
export const resetKnows =
  ({ failedSite }: ResetParameters) =>
  (estate: Estate, facts: Facts): readonly string[] => {
    if (!estate.sites.some(({ name }) => name === failedSite)) return [];
    const product = topologyOf(estate, facts) === "CAA" ? "cluster" : "crossSite";
    const standings = standingsOf(estate, failedSite, product, facts);
    if (typeof standings === "string") return [];
    const where = standings.readers.map(({ node, row }) => `${node.name} ${row.seqno}`).join(", ");
    return [`${failedSite}'s own logs end at ${standings.tip}; of them have arrived: ${where}`];
  };
