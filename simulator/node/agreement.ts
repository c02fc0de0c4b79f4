/**
 * What the managers of one site agree on: policy, primary, who is out. Each change goes through the first member that
 * answers, which gives it its number; so two that are made at once, on two nodes, both count.
 */
import type { Cluster } from "../state.ts";
import { type Agreement, writeAgreement } from "./installation.ts";
import type { RealNode } from "./real-node.ts";

/** One thing agreed on, by its path (`policy`, `out/nyc-1`); undefined: no more. */
export type Changes = Readonly<Record<string, unknown>>;

/** What a node asks the member that orders changes. */
export type Proposal = {
  readonly from: string;
  readonly dataservice: string;
  readonly base: Agreement;
  readonly changed: Changes;
  readonly gone: readonly string[];
};

const within = ["out", "compositeOut", "shunned"] as const;

function flat({ version: _, out, compositeOut, shunned, ...plain }: Agreement): Changes {
  const parts = { out, compositeOut, shunned: Object.fromEntries(shunned.map((host) => [host, true])) };
  const inner = within.flatMap((key) =>
    Object.entries(parts[key] ?? {}).map(([name, value]) => [`${key}/${name}`, value]),
  );
  return Object.fromEntries([...Object.entries(plain), ...inner]);
}

function whole(paths: Changes, version: number): Agreement {
  const plain = Object.entries(paths).filter(([path]) => !path.includes("/"));
  const inner = (key: (typeof within)[number]): Record<string, unknown> =>
    Object.fromEntries(
      Object.entries(paths)
        .filter(([path]) => path.startsWith(`${key}/`))
        .map(([path, value]) => [path.slice(key.length + 1), value]),
    );
  const [out, compositeOut, shunned] = within.map(inner);
  const told = { out, compositeOut, shunned: Object.keys(shunned ?? {}), version };
  return { ...Object.fromEntries(plain), ...told } as unknown as Agreement;
}

/** What `now` says otherwise than `base`. */
export function changesOf(base: Agreement, now: Agreement): Pick<Proposal, "changed" | "gone"> {
  const before = flat(base);
  const after = flat(now);
  return {
    changed: Object.fromEntries(Object.entries(after).filter(([path, value]) => before[path] !== value)),
    gone: Object.keys(before).filter((path) => !(path in after)),
  };
}

/** The agreement that follows. */
export function following(
  agreed: Agreement,
  { changed, gone }: Pick<Proposal, "changed" | "gone">,
  version: number,
): Agreement {
  const paths = Object.entries({ ...flat(agreed), ...changed }).filter(([path]) => !gone.includes(path));
  return whole(Object.fromEntries(paths), version);
}

export const agreementOf = ({ node, agreed: { version } }: RealNode): Agreement => {
  const { faultSince: _, shunned, ...told } = node.cluster;
  return { ...told, shunned: [...shunned], version };
};

export function adoptInto(cluster: Cluster, { version: _, shunned, ...agreed }: Agreement): void {
  for (const key of ["relaySource", "relayFrom", "compositeOut", "out"] as const) delete cluster[key];
  Object.assign(cluster, agreed, { shunned: new Set(shunned) });
}

/** The higher number wins; a primary that moved meanwhile is no longer one here. */
export function adopt(real: RealNode, agreement: Agreement): void {
  if (agreement.version <= real.agreed.version || agreement.dataservice !== real.node.cluster.dataservice)
    return;
  real.agreed = agreement;
  adoptInto(real.node.cluster, agreement);
  writeAgreement(real.settings.root, agreement);
}

/** Of the member that orders changes: takes one up; undefined where it belongs to another dataservice, or none yet. */
export function agree(real: RealNode, proposal: Proposal): Agreement | undefined {
  if (proposal.dataservice !== real.node.cluster.dataservice) return undefined;
  adopt(real, proposal.base);
  const agreement = following(agreementOf(real), proposal, real.agreed.version + 1);
  adopt(real, agreement);
  return agreement;
}
