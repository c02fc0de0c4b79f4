/**
 * Pre-flight of the conversion, the part about secrets. In MSAA a site met another only through a replicator that logs in
 * at home; in a composite its managers and connectors log in at every node of every site, with the accounts, key stores
 * and ssh keys of their own. Nodes tell checksums; nothing here can tell the secrets.
 */
import { optionNamed } from "../ini/option-catalogue.ts";
import { dataNodes, type Estate, type Node } from "../topology/estate.ts";
import type { Facts } from "../tungsten/facts.ts";
import type { Fingerprint, KeyKind } from "../tungsten/keys.ts";
import { fingerprints } from "../tungsten/node-facts.ts";
import type { Acceptance, AcceptanceAnswer, Objection } from "./procedure.ts";

type Told = { readonly node: Node; readonly keys: readonly Fingerprint[] };

/** All nodes of an estate are asked under one salt, else nothing could be compared; it only keeps tables of hashes useless. */
const saltOf = ({ namespace, name }: Estate): string => `${namespace}.${name}`.slice(0, 180);

/** Compares what all nodes have told; who is silent is told beside. */
const comparing =
  (judge: (told: readonly Told[], estate: Estate) => readonly Objection[]) =>
  (estate: Estate, facts: Facts): AcceptanceAnswer => {
    const silent: Objection[] = [];
    const told = dataNodes(estate).flatMap((node): Told[] => {
      const answer = facts.get(node.name, fingerprints(saltOf(estate)));
      if ("known" in answer) return [{ node, keys: answer.known }];
      silent.push({ on: node.site, unknown: `${node.name}: ${answer.unknown}` });
      return [];
    });
    return { objections: [...judge(told, estate), ...silent] };
  };

const of = ({ keys }: Told, kind: KeyKind): readonly Fingerprint[] => keys.filter((key) => key.kind === kind);
const sumOf = (told: Told, kind: KeyKind, name: string): string | null | undefined =>
  of(told, kind).find((key) => key.name === name)?.sha256;

/** Every node against the first, for each name that any of them tells. One objection a node and name. */
function differing(
  told: readonly Told[],
  kind: KeyKind,
  say: (name: string, there: Told, here: Told, missing: boolean) => string,
): readonly Objection[] {
  const [first, ...others] = told;
  if (first === undefined) return [];
  const names = [...new Set(told.flatMap((each) => of(each, kind).map(({ name }) => name)))].sort();
  return names.flatMap((name) => {
    const wanted = sumOf(first, kind, name) ?? null;
    const lacking =
      wanted === null ? first : others.find((each) => (sumOf(each, kind, name) ?? null) === null);
    const other = lacking ?? others.find((each) => sumOf(each, kind, name) !== wanted);
    return other === undefined
      ? []
      : [{ on: other.node.site, refused: say(name, first, other, lacking !== undefined) }];
  });
}

const accountsAgree: Acceptance = {
  say: "every node logs in with the same accounts",
  ask: comparing((told) =>
    differing(told, "account", (name, there, here, missing) => {
      const role = name.startsWith("replication") ? "replication" : "application";
      return missing
        ? `${here.node.name} has no ${name} in its mounted Secret; see that the site's Secret holds it, then restart the pod`
        : `${there.node.name} and ${here.node.name} have different values of ${name}; managers and connectors of a composite log in at every site alike: name one Secret in spec.credentials.${role} of every TungstenCluster, and give the database account that password`;
    }),
  ),
};

const securityOptions: ReadonlySet<string> = new Set([
  "enable-thl-ssl",
  "enable-rmi-ssl",
  "enable-jgroups-ssl",
  "enable-rmi-authentication",
]);

/** Whether any site switches on what tpm makes stores for: by default the rendered ini switches all of it off. */
const isSecured = ({ sites }: Estate): boolean =>
  sites.some(({ options }) =>
    Object.entries(options).some(([key, value]) => {
      const name = optionNamed(key)?.name ?? "";
      return (
        (name === "disable-security-controls" && value === "false") ||
        (securityOptions.has(name) && value === "true")
      );
    }),
  );

const storesAgree: Acceptance = {
  say: "key stores are the same on every node, where connections are secured",
  ask: comparing((told, estate) => {
    const say = (path: string, there: Told, here: Told, missing: boolean): string =>
      missing
        ? `${here.node.name} has no ${path}, which other nodes or its ini name; copy it there from one node`
        : `${path} of ${there.node.name} and of ${here.node.name} differ, so that neither would trust the other; copy it from one node to all`;
    const named = differing(told, "store", say);
    const own = told.some((each) => of(each, "store").length > 0) || !isSecured(estate);
    return own
      ? named
      : differing(told, "share", (name, ...rest) => say(`/opt/continuent/share/${name}`, ...rest));
  }),
};

/** What keeps one node from logging in at another; undefined: nothing. */
function barrier(from: Told, to: Told): string | undefined {
  const [identity] = of(from, "identity");
  const [host] = of(to, "host");
  if (identity === undefined) return `${from.node.name} has no id_ed25519`;
  if (host === undefined) return `${to.node.name} has no ssh_host_ed25519_key`;
  if (!of(to, "authorized").some(({ sha256 }) => sha256 === identity.sha256))
    return `authorized_keys of ${to.node.name} does not hold the key of ${from.node.name}`;
  if (!of(from, "known").some(({ sha256 }) => sha256 === host.sha256))
    return `known_hosts of ${from.node.name} does not hold the host key of ${to.node.name}`;
  return undefined;
}

const hasKeys = (told: Told): boolean => told.keys.some(({ kind }) => kind === "identity" || kind === "host");

/** ssh is the vendor's way to copy a node (tprovision); estates without keys have none to compare. */
const sshAgrees: Acceptance = {
  say: "ssh keys, where they are mounted, lead from every node to every other",
  ask: comparing((told) => {
    if (!told.some(hasKeys)) return [];
    const barriers = told.flatMap((from) =>
      told
        .filter((to) => to !== from)
        .flatMap((to) => {
          const why = barrier(from, to);
          return why === undefined ? [] : [{ on: to.node.site, why }];
        }),
    );
    return [...new Map(barriers.map((each) => [each.why, each])).values()].map(({ on, why }) => ({
      on,
      refused: `${why}, so that tprovision could not copy between them; give all pods the same Secret tungsten-ssh and restart them, or remove it everywhere`,
    }));
  }),
};

export const keyAcceptances: readonly Acceptance[] = [accountsAgree, storesAgree, sshAgrees];
