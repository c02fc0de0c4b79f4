/** Pre-flight of a reset, what its copies need: who stays beside the donor, versions, accounts, room, the way between the pods. */
import { dataNodes, type Node, siteNamed } from "../topology/estate.ts";
import type { Fact, Facts } from "../tungsten/facts.ts";
import { databaseService, dataSize, iniState, reach, serverSettings, space } from "../tungsten/node-facts.ts";
import type { NodeJudge } from "./preflight-asking.ts";
import type { Acceptance, AcceptanceAnswer, Finding, Objection } from "./procedure.ts";
import { donorOf, masterOf, viewOf } from "./reset-pins.ts";
import { primaryAlone, type ResetParameters } from "./reset-scopes.ts";

export const at = "spec.resetSite";
export const ok: AcceptanceAnswer = { ok: true };

export function onNodes<T>(
  nodes: readonly Node[],
  fact: (node: Node) => Fact<T>,
  facts: Facts,
  judge: NodeJudge<T>,
): readonly Objection[] {
  return nodes.flatMap((node): Objection[] => {
    const answer = facts.get(node.name, fact(node));
    if ("unknown" in answer) return [{ on: node.site, unknown: `${node.name}: ${answer.unknown}` }];
    const refused = judge(node, answer.known);
    if (refused === undefined) return [];
    return [typeof refused === "string" ? { on: node.site, refused } : { on: node.site, ...refused }];
  });
}

/** A finding that is refused until a human has read it, and stands in the plan from then on. */
export function worded(
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

export const twoRemain = ({ definitiveSite, acknowledgedFindings }: ResetParameters): Acceptance => ({
  say: "the definitive site keeps two usable nodes while its donor is out, or a human has read that it does not",
  ask(estate, facts) {
    const view = viewOf(siteNamed(estate, definitiveSite), facts);
    if (view === undefined)
      return { objections: [{ on: definitiveSite, unknown: `no manager of ${definitiveSite} answers` }] };
    const online = view.datasources.filter(({ state }) => state === "ONLINE").length;
    if (online > 2) return ok;
    const text = `while its data are copied ${definitiveSite} has its primary alone`;
    return worded(acknowledgedFindings, [
      { id: primaryAlone(definitiveSite), text, needsWord: true, on: definitiveSite },
    ]);
  },
});

export const sameServer = ({ failedSite, definitiveSite }: ResetParameters): Acceptance => ({
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
export const sameAccounts = (parameters: ResetParameters): Acceptance => ({
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

export const roomForExport = ({ failedSite, definitiveSite }: ResetParameters): Acceptance => ({
  say: "the failed site's backups volumes have room for what is exported",
  ask(estate, facts) {
    const sizes = dataNodes(estate)
      .filter(({ site }) => site === definitiveSite)
      .map((node) => ({ node, size: facts.get(node.name, dataSize) }));
    const bytes = Math.max(0, ...sizes.map(({ size }) => ("known" in size ? size.known : 0))) * 2;
    const nodes = dataNodes(estate).filter(({ site }) => site === failedSite);
    // How much has to fit is known when one of them tells it: all hold the same data.
    const untold = sizes.every(({ size }) => "unknown" in size)
      ? onNodes(
          sizes.map(({ node }) => node),
          () => dataSize,
          facts,
          () => undefined,
        )
      : [];
    return {
      objections: [
        ...untold,
        ...onNodes(
          nodes,
          () => space,
          facts,
          (node, volumes) => {
            const free = volumes.find(({ path }) => path === "/backups")?.freeBytes;
            if (free === undefined) return { unknown: `${node.name} tells nothing of /backups` };
            return free >= bytes
              ? undefined
              : `/backups of ${node.name} has ${Math.floor(free / 1024 ** 2)} MiB free; data directory, binary logs and THL may take ${Math.ceil(bytes / 1024 ** 2)}: make room`;
          },
        ),
      ],
    };
  },
});

/** tprovision and the copy go by the pods' own ssh. */
const sshPort = 2222;
export const sshOpen = (parameters: ResetParameters): Acceptance => ({
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
