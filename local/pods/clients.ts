/** Clients in pods of their own, one for each site: they insert rows through the site's connector Service, and note what they were told. */
import type { Cluster } from "../cluster.ts";
import { until } from "../processes.ts";
import { readClientLog, type Written } from "./judge.ts";
import { type NodeSet, sql, sqlAsApplication } from "./sql.ts";

export type ClientSite = {
  readonly name: string;
  /** The connector's Service and port. */
  readonly host: string;
  readonly port: number;
  /** A Secret with the keys application-user and application-password. */
  readonly secret: string;
};
export type ClientsInputs = {
  readonly cluster: Pick<Cluster, "kubectl">;
  readonly namespace: string;
  readonly sites: readonly ClientSite[];
  /** Any image with bash and the mariadb client. */
  readonly image: string;
  /** Their rows are numbered from behind this: who writes into the same table later does not come upon earlier rows. */
  readonly behind?: number;
};
export type Clients = {
  /** What they were told up to now. */
  readonly soFar: () => Promise<readonly Written[]>;
  /** Ends them after the insert they are at, and tells what they were told. */
  readonly stop: () => Promise<readonly Written[]>;
};

export const table = "e2e.written";
const tableDefinition = (key: string): string => `CREATE DATABASE IF NOT EXISTS e2e;
CREATE TABLE IF NOT EXISTS ${table} (site VARCHAR(63) NOT NULL, n INT NOT NULL, at DATETIME(3) NOT NULL${key});`;

/**
 * Makes the table through the first site's way in; returns when it has come to every node. Without a key a row that is
 * applied twice stays visible; with one, as pre-flights like it, it would stop its service.
 */
export async function createTable(
  nodes: NodeSet,
  sites: readonly ClientSite[],
  form: "keyed" | "keyless",
): Promise<void> {
  const [first] = sites;
  if (first === undefined) throw new Error("no site to write at");
  const key = form === "keyed" ? ", PRIMARY KEY (site, n)" : "";
  await sqlAsApplication(nodes, first, tableDefinition(key));
  await until(`table ${table} on every node`, 90, async () => {
    for (const pod of nodes.pods) await sql(nodes, pod, `SELECT COUNT(*) FROM ${table}`);
    return true;
  });
}

/** A new connection for every row: it meets a connector that refuses new ones. The password is in a file, in no argument list. */
const script = `set -u
umask 077
printf '[client]\\nuser=%s\\npassword=%s\\n' "$(cat /secrets/application-user)" "$(cat /secrets/application-password)" >/tmp/my.cnf
now() { date +%s%3N; }
n=$BEHIND
until [ -e /tmp/stop ]; do
  n=$((n + 1))
  begun=$(now)
  if said=$(timeout 10 mariadb --defaults-file=/tmp/my.cnf --host="$HOST" --port="$PORT" --connect-timeout=5 \\
    --execute="INSERT INTO ${table} VALUES ('$SITE', $n, NOW(3))" 2>&1 </dev/null); then
    echo "ack $n $begun $(now)"
    [ -e /tmp/acknowledged ] || : >/tmp/acknowledged
  else
    echo "lost $n $begun $(now) $(echo "$said" | tr '\\n' ' ')"
  fi
  sleep 0.4
done
echo end
`;

/** They begin at once; returns when every one of them has had an insert acknowledged. */
export async function startClients(inputs: ClientsInputs): Promise<Clients> {
  const { cluster, namespace, sites } = inputs;
  const kubectl = (args: readonly string[], input?: string): Promise<string> =>
    cluster.kubectl(["--namespace", namespace, ...args], input);
  const log = (site: ClientSite): Promise<string> => kubectl(["logs", podName(site)]);
  const items = sites.map((site) => clientPod(site, inputs.image, inputs.behind ?? 0));
  await kubectl(["apply", "-f", "-"], JSON.stringify({ apiVersion: "v1", kind: "List", items }));
  await Promise.all(
    sites.map((site) => kubectl(["wait", "--for=condition=Ready", `pod/${podName(site)}`, "--timeout=120s"])),
  );
  const stopOne = async (site: ClientSite): Promise<Written> => {
    await kubectl(["exec", podName(site), "--", "touch", "/tmp/stop"]);
    await kubectl([
      "wait",
      "--for=jsonpath={.status.phase}=Succeeded",
      `pod/${podName(site)}`,
      "--timeout=60s",
    ]);
    const text = await log(site);
    if (!text.endsWith("end\n")) throw new Error(`the log of ${podName(site)} is not whole`);
    await kubectl(["delete", "pod", podName(site), "--wait=false"]);
    return readClientLog(site.name, text);
  };
  const soFar = async (site: ClientSite): Promise<Written> => readClientLog(site.name, await log(site));
  return {
    soFar: () => Promise.all(sites.map(soFar)),
    stop: () => Promise.all(sites.map(stopOne)),
  };
}

const podName = (site: ClientSite): string => `client-${site.name}`;

const environmentOf = ({ name: SITE, host: HOST, port }: ClientSite, behind: number) =>
  Object.entries({ SITE, HOST, PORT: String(port), BEHIND: String(behind) }).map(([name, value]) => ({
    name,
    value,
  }));

/** Ready when the first insert went through. */
const clientPod = (site: ClientSite, image: string, behind: number) => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: podName(site), labels: { app: "client" } },
  spec: {
    restartPolicy: "Never",
    automountServiceAccountToken: false,
    terminationGracePeriodSeconds: 1,
    securityContext: {
      runAsNonRoot: true,
      ...{ runAsUser: 1000, runAsGroup: 1000, fsGroup: 1000 },
      seccompProfile: { type: "RuntimeDefault" },
    },
    containers: [
      {
        name: "client",
        image,
        imagePullPolicy: "IfNotPresent",
        command: ["bash", "-c", script],
        env: environmentOf(site, behind),
        startupProbe: {
          exec: { command: ["test", "-e", "/tmp/acknowledged"] },
          ...{ periodSeconds: 1, failureThreshold: 120 },
        },
        securityContext: {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ["ALL"] },
        },
        volumeMounts: [
          { name: "secrets", mountPath: "/secrets", readOnly: true },
          { name: "tmp", mountPath: "/tmp" },
        ],
      },
    ],
    volumes: [
      { name: "secrets", secret: { secretName: site.secret, defaultMode: 0o440 } },
      { name: "tmp", emptyDir: {} },
    ],
  },
});
