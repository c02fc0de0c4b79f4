/** A real MariaDB on a test's node, initialised, started and stopped by the image's own service script. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join, resolve } from "node:path";
import type { Answered, RunnerNode } from "./node.ts";

export const rootfs = resolve(import.meta.dirname, "../../../images/tungsten-node/rootfs");
const folders = [...(process.env.PATH ?? "").split(":"), "/usr/sbin", "/usr/local/sbin"];
const missing = [
  "mariadbd",
  "mariadb",
  "mariadb-install-db",
  "mariadb-dump",
  "mariadb-binlog",
  "mariadb-backup",
].filter((name) => !folders.some((folder) => existsSync(join(folder, name))));

/** Why a test with a real server cannot run here; undefined where it can. */
export const noDatabase =
  missing.length === 0
    ? undefined
    : `${missing.join(", ")} not installed here: apt-get install mariadb-server mariadb-backup`;

export type Database = {
  /** `mysqld-service VERB`, as called in a pod. */
  readonly service: (...words: string[]) => Answered;
  /** One or more statements as the owner of the server; tab-separated rows. Throws on an error. */
  readonly sql: (statements: string) => string;
  /** Whether the server lets in whom this option file names. */
  readonly tries: (file: string) => boolean;
  readonly position: () => string;
  readonly stop: () => void;
};

/** The text of a file of the image, with every path below the node's folder. */
export function imageFile(path: string, root: string): string {
  const text = readFileSync(join(rootfs, path), "utf8");
  return path.endsWith(".cnf")
    ? text.replace(/=\/(opt|run)\//g, `=${root}/$1/`)
    : text.replace(/^readonly ROOT=.*$/m, `readonly ROOT=${JSON.stringify(root)}`);
}

/** Lays the service script and its files on the node; nothing runs yet. No port is opened: the socket is enough. */
export function layDatabase(node: RunnerNode, settings = ""): Database {
  node.put("usr/local/bin/mysqld-service", imageFile("usr/local/bin/mysqld-service", node.root), 0o755);
  node.put("usr/share/tungsten/my.cnf", imageFile("usr/share/tungsten/my.cnf", node.root));
  const own = [
    "[mysqld]",
    "server-id=100",
    "skip-networking",
    "log-bin=mysql-bin",
    "binlog-format=ROW",
    "auto-increment-increment=4",
    "auto_increment_offset = 2",
    "innodb-buffer-pool-size=32M",
    "innodb-log-file-size=8M",
    ...(userInfo().uid === 0 ? ["user=root"] : []),
    settings,
  ];
  node.put("etc/tungsten-my-cnf/nyc-0.cnf", `${own.join("\n")}\n`);
  node.put("etc/tungsten/.keep", "");
  node.put("run/mysqld/.keep", "");
  const environment = { ...process.env, POD_NAME: "nyc-0" };
  const service = (...words: string[]): Answered => {
    const ran = spawnSync(join(node.root, "usr/local/bin/mysqld-service"), words, {
      encoding: "utf8",
      env: environment,
    });
    return { code: ran.status ?? -1, stdout: ran.stdout, stderr: ran.stderr };
  };
  const sql = (statements: string): string => {
    const ran = spawnSync(
      "mariadb",
      [
        "--no-defaults",
        `--socket=${node.root}/run/mysqld/mysqld.sock`,
        `--user=${userInfo().username}`,
        "--batch",
        "--skip-column-names",
      ],
      { encoding: "utf8", input: statements },
    );
    if (ran.status !== 0) throw new Error(ran.stderr);
    return ran.stdout;
  };
  return {
    service,
    sql,
    tries: (file) =>
      spawnSync("mariadb", [
        `--defaults-file=${file}`,
        `--socket=${node.root}/run/mysqld/mysqld.sock`,
        "--execute=SELECT 1",
      ]).status === 0,
    position: () => sql("SHOW MASTER STATUS").split("\t").slice(0, 2).join("\t"),
    stop: () => void service("stop"),
  };
}

/** The same, initialised and answering. */
export function startDatabase(node: RunnerNode, settings?: string): Database {
  const database = layDatabase(node, settings);
  for (const verb of ["initialise", "start"]) {
    const done = database.service(verb);
    if (done.code !== 0) throw new Error(`mysqld-service ${verb}: ${done.stderr}`);
  }
  return database;
}
