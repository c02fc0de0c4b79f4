/** Pre-flight of a reset: what must hold before a plan is made. Each refusal is one sentence with a way out. */
import { dataNodes, type Estate, siteNamed } from "../topology/estate.ts";
import type { Facts } from "../tungsten/facts.ts";
import type { Product } from "../tungsten/invocation.ts";
import { clusterView, databaseService, services, thlRange } from "../tungsten/node-facts.ts";
import { serviceOf } from "./conversion-names.ts";
import { soleMaster } from "./conversion-pins.ts";
import { nothingHeld } from "./conversion-preflight-sites.ts";
import { wordOf } from "./conversion-readers.ts";
import type { Acceptance } from "./procedure.ts";
import { donorOf, masterOf, topologyOf, topologyWords, viewOf } from "./reset-pins.ts";
import {
  at,
  ok,
  onNodes,
  roomForExport,
  sameAccounts,
  sameServer,
  sshOpen,
  twoRemain,
  worded,
} from "./reset-preflight-copies.ts";
import type { ResetParameters } from "./reset-scopes.ts";
import { eventsInWords, gapsOf, standingsOf } from "./reset-standing.ts";

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

/** Which page of the vendor's applies is a fact of the nodes; the request says which one its author has read. */
const topology = ({ topology: wanted }: ResetParameters): Acceptance => ({
  say: "every node is installed alike, as the topology whose reset is asked for",
  ask(estate, facts) {
    const kind = topologyOf(estate, facts);
    if (typeof kind === "object") return kind;
    return kind === wanted
      ? ok
      : {
          refused: `the estate is installed as ${topologyWords[kind]}, and the reset of ${topologyWords[wanted]} is asked for, whose commands would be wrong there; set ${at}.topology to ${kind}`,
        };
  },
});

/** What reads the failed site may be in any state; all else of the others must work, or the reset would hide a second fault. */
const othersHealthy = ({ failedSite, topology: kind }: ResetParameters): Acceptance => ({
  say: "every other site has one ONLINE primary, and every service ONLINE but those that read the failed site",
  ask(estate, facts) {
    const nodes = dataNodes(estate).filter(({ site }) => site !== failedSite);
    const failed = siteNamed(estate, failedSite);
    const crossing = kind === "CAA" ? "cluster" : "crossSite";
    const judge = (product: Product) =>
      onNodes(
        nodes,
        () => services(product),
        facts,
        (node, all) => {
          if (all === "down") return `the ${product} replicator of ${node.name} does not run; start it first`;
          const reading =
            product === crossing ? serviceOf(crossing, siteNamed(estate, node.site), failed) : undefined;
          const off = all
            .filter(({ service }) => service !== reading)
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
    const second = kind === "CAA" ? [] : judge("crossSite");
    return { objections: [...judge("cluster"), ...second, ...primaries] };
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
    topology(parameters),
    failedAnswers(parameters),
    othersHealthy(parameters),
    donorFits(parameters),
    ...(parameters.topology === "MSAA" ? [twoRemain(parameters)] : []),
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
