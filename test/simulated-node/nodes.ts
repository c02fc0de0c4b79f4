/** Real simulated nodes on one machine without containers: a mariadbd and a node server each, on loopback addresses of their own. */
import { execFile, execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

export const release = "8.0.4-132";
const images = resolve(import.meta.dirname, "../../images/simulated-node");
/** The stand-in that the image has on its PATH. */
export const keytool = join(images, "programs/keytool");
const server = resolve(import.meta.dirname, "../../simulator/node/main.ts");

/** The first program that is missing here; undefined when everything is there. */
export const missingProgram = (): string | undefined =>
  ["mariadbd", "mariadb-backup", "mariadb-install-db", "mariadb", "mariadb-binlog", "mariadb-dump"].find(
    (name) => spawnSync("bash", ["-c", `PATH=$PATH:/usr/sbin command -v ${name}`]).status !== 0,
  );

export type Ran = { readonly code: number; readonly stdout: string; readonly stderr: string };

export type RealNodes = {
  readonly folder: string;
  readonly names: readonly string[];
  readonly address: (name: string) => string;
  readonly root: (name: string) => string;
  /** Runs a program of the node's tree, by its path below the root, as a user in the container would. */
  readonly run: (name: string, path: string, args?: readonly string[], stdin?: string) => Promise<Ran>;
  /** The same, but it must exit 0; returns what it printed. */
  readonly must: (name: string, path: string, args?: readonly string[], stdin?: string) => Promise<string>;
  readonly sql: (name: string, text: string) => string;
  readonly writeIni: (text: string) => void;
  readonly environment: (name: string) => NodeJS.ProcessEnv;
  /** Kills the node's server as a container's end would. */
  readonly killServer: (name: string) => void;
  readonly stopDatabase: (name: string) => Promise<void>;
  readonly startDatabase: (name: string) => Promise<void>;
  readonly stop: () => Promise<void>;
};

/** Starts databases for these hosts; tools and their servers come with this release's packages, unpacked but not installed. */
export async function startNodes(names: readonly string[], packed = release): Promise<RealNodes> {
  const folder = mkdtempSync(join(tmpdir(), "simulated-"));
  const net = `127.${64 + (process.pid % 128)}.${(process.pid >> 7) % 250}`;
  const address = (name: string): string => `${net}.${names.indexOf(name) + 1}`;
  const root = (name: string): string => join(folder, name);
  const home = join(folder, "simulator");
  mkdirSync(home);
  cpSync(join(images, "client.sh"), join(home, "client.sh"));
  symlinkSync(process.execPath, join(home, "node"));
  writeFileSync(join(home, "mysqld-service"), databaseService, { mode: 0o755 });
  writeFileSync(join(home, "ssh"), secureShell(folder), { mode: 0o755 });
  symlinkSync(keytool, join(home, "keytool"));
  writeFileSync(join(home, "server.mjs"), `import ${JSON.stringify(server)};\n`);
  execFileSync(join(images, "packages.sh"), [join(folder, "packages"), packed]);
  execFileSync("mariadb-install-db", [
    "--no-defaults",
    `--datadir=${join(folder, "template")}`,
    "--skip-test-db",
    "--auth-root-authentication-method=normal",
    "--innodb-log-file-size=8M",
  ]);
  const environment = (name: string): NodeJS.ProcessEnv => ({
    ...process.env,
    PATH: `${home}:${process.env.PATH}`,
    POD_NAME: name,
    TUNGSTEN_SIMULATOR_HOME: home,
    TUNGSTEN_SIMULATOR_ROOT: root(name),
    TUNGSTEN_SIMULATOR_HOST: name,
    TUNGSTEN_SIMULATOR_ADDRESS: address(name),
    TUNGSTEN_SIMULATOR_CONTROL: address(name),
    TUNGSTEN_SIMULATOR_PEERS: names.map((each) => `${each}=${address(each)}`).join(","),
    TUNGSTEN_SIMULATOR_PACE: "0.01",
  });
  const sql = (name: string, text: string): string =>
    execFileSync(
      "mariadb",
      ["--no-defaults", "-uroot", `--socket=${root(name)}/run/mysqld/mysqld.sock`, "-BN"],
      { input: text, encoding: "utf8", stdio: ["pipe", "pipe", "pipe"] },
    );
  const service = (name: string, verb: "start" | "stop"): Promise<void> =>
    new Promise((done, failed) => {
      execFile(join(home, "mysqld-service"), [verb], { env: environment(name) }, (error) =>
        error === null ? done() : failed(error),
      );
    });
  const startDatabase = (name: string): Promise<void> => service(name, "start");
  const stopDatabase = (name: string): Promise<void> => service(name, "stop");
  for (const name of names) {
    for (const path of ["opt/continuent/software", "backups", "run/mysqld", "etc/tungsten", "tmp"])
      mkdirSync(join(root(name), path), { recursive: true });
    cpSync(join(folder, "template"), join(root(name), "opt/mysql/data"), { recursive: true });
    writeFileSync(
      join(root(name), "mariadbd.sh"),
      mariadbd(root(name), address(name), names.indexOf(name), name),
    );
    const exported = Object.entries(environment(name)).filter(([key]) => key.startsWith("TUNGSTEN_"));
    writeFileSync(
      join(root(name), "environment"),
      exported.map(([key, value]) => `export ${key}='${value}'\n`).join(""),
    );
    for (const kind of ["clustering", "replicator"])
      execFileSync("tar", [
        "-xzf",
        join(folder, "packages", `tungsten-${kind}-${packed}.tar.gz`),
        "-C",
        join(root(name), "opt/continuent/software"),
      ]);
  }
  await Promise.all(names.map(startDatabase));
  const run = (name: string, path: string, args: readonly string[] = [], stdin = ""): Promise<Ran> =>
    new Promise((done) => {
      const child = execFile(
        join(root(name), path),
        [...args],
        { env: environment(name), encoding: "utf8", maxBuffer: 1 << 26 },
        (error, stdout, stderr) =>
          done({
            code: typeof error?.code === "number" ? error.code : error === null ? 0 : -1,
            stdout,
            stderr,
          }),
      );
      child.stdin?.on("error", () => {});
      child.stdin?.end(stdin);
    });
  const must = async (
    name: string,
    path: string,
    args?: readonly string[],
    stdin?: string,
  ): Promise<string> => {
    const ran = await run(name, path, args, stdin);
    if (ran.code !== 0)
      throw new Error(`${name} ${path} ${args?.join(" ")}: ${ran.code} ${ran.stdout}${ran.stderr}`);
    return ran.stdout;
  };
  const killServer = (name: string): void => {
    for (const pid of serversOf(home, root(name))) process.kill(pid, "SIGKILL");
  };
  return {
    folder,
    names,
    address,
    root,
    run,
    must,
    sql,
    environment,
    killServer,
    startDatabase,
    stopDatabase,
    writeIni: (text) => {
      for (const name of names) writeFileSync(join(root(name), "etc/tungsten/tungsten.ini"), text);
    },
    stop: async () => {
      for (const name of names) killServer(name);
      await Promise.all(names.map(stopDatabase));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const mariadbd = (root: string, address: string, index: number, name: string): string =>
  [
    "exec mariadbd --no-defaults --user=root",
    `--datadir=${root}/opt/mysql/data`,
    `--socket=${root}/run/mysqld/mysqld.sock`,
    "--port=13306",
    `--bind-address=${address}`,
    `--pid-file=${root}/run/mysqld/mysqld.pid`,
    `--log-error=${root}/mariadbd.log`,
    "--log-bin=mysql-bin --binlog-format=ROW --sync-binlog=0",
    `--server-id=${101 + index}`,
    `--auto-increment-increment=4 --auto-increment-offset=${name.startsWith("nyc") ? 1 : 2}`,
    "--innodb-flush-log-at-trx-commit=2 --innodb-buffer-pool-size=16M --innodb-log-file-size=8M",
    "--performance-schema=off",
    "",
  ].join(" ");

/** What the image has as /usr/local/bin/mysqld-service, for a database without a container. */
const databaseService = `#!/usr/bin/env bash
root=$TUNGSTEN_SIMULATOR_ROOT
pid=$root/run/mysqld/mysqld.pid
case $1 in
  start)
    PATH=$PATH:/usr/sbin setsid bash "$root/mariadbd.sh" </dev/null >/dev/null 2>&1 &
    for _ in {1..300}; do
      ! mariadb-admin --no-defaults -uroot --socket="$root/run/mysqld/mysqld.sock" ping >/dev/null 2>&1 || exit 0
      sleep 0.1
    done
    exit 1
    ;;
  stop)
    [[ -f $pid ]] || exit 0
    kill "$(<"$pid")"
    while [[ -e $pid ]]; do sleep 0.1; done
    ;;
esac
`;

/** ssh to a host is a shell with that host's environment. */
const secureShell = (folder: string): string => `#!/usr/bin/env bash
shift 2
source "${folder}/$1/environment"
shift
exec bash -c "$*"
`;

/** Node servers of one root, by their environment: they were started by tools and belong to nobody here. */
function serversOf(home: string, root: string): readonly number[] {
  const { stdout } = spawnSync("pgrep", ["-f", `${home}/server.mjs`], { encoding: "utf8" });
  return stdout
    .split("\n")
    .filter((line) => line !== "")
    .map(Number)
    .filter((pid) => environmentOf(pid).includes(`TUNGSTEN_SIMULATOR_ROOT=${root}`));
}

function environmentOf(pid: number): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
  } catch {
    return [];
  }
}

/** Asks again until the probe says yes; bounded, for what other processes bring about. */
export async function until(
  what: string,
  probe: () => boolean | Promise<boolean>,
  seconds = 40,
): Promise<void> {
  const end = Date.now() + seconds * 1000;
  while (!(await probe())) {
    if (Date.now() > end) throw new Error(`${what} did not come about`);
    await new Promise((wake) => setTimeout(wake, 200));
  }
}
