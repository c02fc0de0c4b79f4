/** Pre-flight of the conversion, the part about hosts: clocks, configuration files, what links carry. */
import { carriedOptions, carriedServices } from "../ini/cross-site-options.ts";
import { optionNamed } from "../ini/option-catalogue.ts";
import { dataNodes, type Estate, type Node, siteOf } from "../topology/estate.ts";
import type { Fact, Facts, Known } from "../tungsten/facts.ts";
import { nodeClock, serverFile, serverSettings } from "../tungsten/node-facts.ts";
import { type NodeJudge, objecting } from "./preflight-asking.ts";
import type { Acceptance, AcceptanceAnswer, Objection } from "./procedure.ts";

const ok: AcceptanceAnswer = { ok: true };

/** Commit times and heartbeats are compared across sites; the manager's pages ask for clocks in step. */
const skewLimitMs = 5_000;
type Gathered<T> = { readonly node: Node; readonly answer: Known<T> };

const ofEveryNode = <T>(estate: Estate, facts: Facts, fact: Fact<T>): readonly Gathered<T>[] =>
  dataNodes(estate).map((node) => ({ node, answer: facts.get(node.name, fact) }));

/** All refusals and silences, by site. */
const judged = <T>(gathered: readonly Gathered<T>[], judge: NodeJudge<T>) =>
  objecting(
    gathered.map(({ node, answer }) => ({
      node,
      answer,
      refused: "known" in answer ? judge(node, answer.known) : undefined,
    })),
  );

/**
 * A node told its time at some moment between the question and the answer, so each clock is ahead of ours by something
 * between two numbers. Only what they surely differ by is held against two nodes; an answer that took too long says nothing.
 */
const clocksInStep: Acceptance = {
  say: `the clocks of all nodes are within ${skewLimitMs / 1000} s of each other`,
  ask(estate, facts) {
    const gathered = ofEveryNode(estate, facts, nodeClock);
    const told = gathered.flatMap(({ node, answer }) => {
      if ("unknown" in answer) return [];
      const { known, at, asked = at } = answer;
      return [{ node, least: known - at, most: known - asked, took: at - asked }];
    });
    const fastest = told.toSorted((a, b) => b.least - a.least)[0];
    const slowest = told.toSorted((a, b) => a.most - b.most)[0];
    const apart = fastest === undefined || slowest === undefined ? 0 : fastest.least - slowest.most;
    if (apart > skewLimitMs)
      return {
        refused: `the clock of ${fastest?.node.name} is ${Math.round(apart / 1000)} s ahead of that of ${slowest?.node.name}; set both by one time source`,
      };
    const vague = told
      .filter(({ took }) => took > skewLimitMs)
      .map(({ node, took }) => ({
        on: node.site,
        unknown: `${node.name} took ${Math.round(took / 1000)} s to tell its time, too long to compare its clock with others`,
      }));
    return { objections: [...judged(gathered, () => undefined).objections, ...vague] };
  },
};

/** A server that restarts in the middle must come back as it is now. */
const filesAsRunning: Acceptance = {
  say: "my.cnf says what the running server does",
  ask(estate, facts) {
    const running = ofEveryNode(estate, facts, serverSettings);
    const files = judged(ofEveryNode(estate, facts, serverFile), (node, file) => {
      const server = running.find((each) => each.node.name === node.name)?.answer;
      if (server === undefined || "unknown" in server) return undefined;
      const { serverId, binlogFormat, autoIncrementIncrement, autoIncrementOffset } = server.known;
      const pairs = [
        ["server-id", serverId],
        ["binlog-format", binlogFormat],
        ["auto-increment-increment", autoIncrementIncrement],
        ["auto-increment-offset", autoIncrementOffset],
      ] as const;
      const wrong = pairs.find(([key, value]) => file.get(key)?.toUpperCase() !== value.toUpperCase());
      return (
        wrong &&
        `my.cnf of ${node.name} says ${wrong[0]}=${file.get(wrong[0]) ?? "(nothing)"}, the running server has ${wrong[1]}; make them equal, or a restart would change it`
      );
    });
    return { objections: [...files.objections, ...judged(running, () => undefined).objections] };
  },
};

/** Each becomes one of the composite's service `x_from_y`, or is refused by name: none is lost without a word. */
const linkOptionsCarried: Acceptance = {
  say: "every option of a CrossSiteLink goes over into the composite",
  ask: (estate) => ({
    objections: estate.links.flatMap((link) =>
      carriedOptions(link.options).refused.map(({ key, why }) => ({
        on: link.target,
        refused: `spec.options.${key} of CrossSiteLink ${link.name} does not go over into a composite: ${why}`,
      })),
    ),
  }),
};

/** tpm knows post-process from 7.0 on; and what keeps services offline until it has run must not be overruled. */
const linkOptionsApplicable: Acceptance = {
  say: "options of CrossSiteLinks can be put into force",
  ask(estate) {
    const [carried] = carriedServices(estate);
    if (carried === undefined) return ok;
    const { service } = carried;
    return {
      objections: estate.sites.flatMap(({ name, release, options }): Objection[] => {
        const overruled = Object.keys(options).find((key) => optionNamed(key)?.name === "auto-enable");
        return [
          ...(Number(release.split(".")[0]) >= 7
            ? []
            : [
                {
                  on: name,
                  refused: `spec.release of TungstenCluster ${name} is ${release}, and ${service} has options of a CrossSiteLink, which need tpm post-process of release 7 or later; raise it, or remove them from the link`,
                },
              ]),
          ...(overruled === undefined
            ? []
            : [
                {
                  on: name,
                  refused: `spec.options.${overruled} of TungstenCluster ${name} decides when services go online, which the operator has to until the options of ${service} are in force; remove it`,
                },
              ]),
        ];
      }),
    };
  },
};

/** CAA's generated services need names that nothing else has. */
const namesFree: Acceptance = {
  say: "the composite's name is no site's",
  ask(estate) {
    const { composite } = estate;
    const clash = estate.sites.find((site) => site.dataservice === composite?.dataservice);
    return clash === undefined
      ? ok
      : {
          refused: `CompositeService ${composite?.name} and TungstenCluster ${clash.name} share the dataservice name ${clash.dataservice}; give the composite another spec.dataservice`,
        };
  },
};

/** Every site has more than one data node: the backup and the order of updates need a replica. */
const replicasThere: Acceptance = {
  say: "every site has a replica beside its primary",
  ask(estate) {
    const alone = dataNodes(estate).find(
      (node) => siteOf(estate, node).nodes.filter((each) => !each.witness).length < 2,
    );
    return alone === undefined
      ? ok
      : {
          refused: `site ${alone.site} has one data node; the conversion takes its backup from a replica: build the site anew with spec.nodes 2 or more first`,
        };
  },
};

export const hostAcceptances: readonly Acceptance[] = [
  replicasThere,
  namesFree,
  linkOptionsCarried,
  linkOptionsApplicable,
  clocksInStep,
  filesAsRunning,
];
