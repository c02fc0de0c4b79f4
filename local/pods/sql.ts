/** Statements on nodes and through connectors, by the mariadb client in a node's pod. Passwords come from the mounted Secret, in no argument list. */
import type { Cluster } from "../cluster.ts";

export type NodeSet = {
  readonly cluster: Pick<Cluster, "kubectl">;
  readonly namespace: string;
  /** Pods whose container `tungsten` has MariaDB on port 13306, and the Secret of the site at /etc/tungsten-secrets. */
  readonly pods: readonly string[];
};
/** A file that holds an account, as bash makes one of a process. */
export const loginFile = (who: "replication" | "application"): string =>
  `<(printf "[client]\\nuser=%s\\npassword=%s\\n" "$(cat /etc/tungsten-secrets/${who}-user)" "$(cat /etc/tungsten-secrets/${who}-password)")`;
export const server = "--host=127.0.0.1 --port=13306";

export const inPod = (
  { cluster, namespace }: NodeSet,
  pod: string,
  script: string,
  input = "",
): Promise<string> =>
  cluster.kubectl(
    ["--namespace", namespace, "exec", "--stdin", pod, "--container=tungsten", "--", "bash", "-c", script],
    input,
  );

/** Runs statements on one node, as the account that Tungsten itself uses. Columns are parted by tabs, without headings. */
export const sql = (nodes: NodeSet, pod: string, statements: string): Promise<string> =>
  inPod(
    nodes,
    pod,
    `exec mariadb --defaults-file=${loginFile("replication")} ${server} --batch --skip-column-names`,
    statements,
  );

/** Runs statements as applications do: through a site's connector. */
export const sqlAsApplication = (
  nodes: NodeSet,
  { host, port }: { readonly host: string; readonly port: number },
  statements: string,
): Promise<string> =>
  inPod(
    nodes,
    nodes.pods[0] ?? "",
    `exec mariadb --defaults-file=${loginFile("application")} --host=${host} --port=${port} --batch --skip-column-names`,
    statements,
  );
