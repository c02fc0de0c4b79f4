/** The container's entrypoint: what it makes ready, starts, leaves alone and takes down, with every program it calls faked. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { runnerScript } from "../../../src/runner/script.ts";
import { imageFile } from "./database.ts";
import { eventually, newNode, type RunnerNode, sha256 } from "./node.ts";

let node: RunnerNode;
let container: ChildProcess | undefined;
let said = "";

const path = (name: string) => join(node.root, name);
const runs = (): readonly string[] =>
  node
    .file("runs")
    .split("\n")
    .filter((line) => line !== "");
const started = () => runs().filter((line) => line.endsWith(" start"));

const programs = {
  cluster: "opt/continuent/tungsten/tungsten-replicator/bin/replicator",
  crossSite: "opt/replicator/tungsten/tungsten-replicator/bin/replicator",
  manager: "opt/continuent/tungsten/tungsten-manager/bin/manager",
  connector: "opt/continuent/tungsten/tungsten-connector/bin/connector",
};

/** Lays the entrypoint and a faked node: each program writes its name and words into `runs`. */
function lay(): void {
  node = newNode();
  said = "";
  container = undefined;
  rmSync(path("opt"), { recursive: true });
  const entrypoint = imageFile("usr/local/bin/tungsten-node", node.root).replace(
    "PAUSE_SECONDS=5 RETRY_SECONDS=30",
    "PAUSE_SECONDS=0.05 RETRY_SECONDS=0.05",
  );
  node.put("usr/local/bin/tungsten-node", entrypoint, 0o755);
  const root = JSON.stringify(node.root);
  node.put(
    "etc/runner/runner",
    runnerScript().replace(/^readonly ROOT=.*$/m, `readonly ROOT=${root}`),
    0o755,
  );
  node.put("etc/tungsten-my-cnf/nyc-0.cnf", "[mysqld]\n");
  node.put("run/mysqld/left-over", "");
  const database = `echo "database $1" >>${node.root}/runs\n[[ $1 != start || ! -e ${node.root}/database-fails ]]\n`;
  node.put("usr/local/bin/mysqld-service", `#!/bin/bash\n${database}`, 0o755);
}

function install(...names: (keyof typeof programs)[]): void {
  for (const name of names) {
    const gate = `${node.root}/gate-${name}`;
    const fake = `#!/bin/bash\necho "${name} $1" >>${node.root}/runs\n[[ $1 != start || ! -e ${gate} ]] || read -r _ <${gate}\necho "running: PID:1"\n`;
    node.put(programs[name], fake, 0o755);
  }
}

function run(): void {
  container = spawn(path("usr/local/bin/tungsten-node"), {
    env: { PATH: process.env.PATH, POD_NAME: "nyc-0", POD_UID: "pod-1" },
  });
  for (const stream of [container.stdout, container.stderr])
    stream?.on("data", (data) => {
      said += data;
    });
}

async function stop(): Promise<number | null> {
  const ended = new Promise<number | null>((done) => container?.once("exit", done));
  container?.kill("SIGTERM");
  const code = await ended;
  container = undefined;
  return code;
}

const says = (text: string | RegExp) =>
  eventually(`«${text}» in: ${said}`, () =>
    typeof text === "string" ? said.includes(text) : text.test(said),
  );

beforeEach(lay);
afterEach(async () => {
  if (container !== undefined) await stop();
  node.remove();
});

describe("the entrypoint", () => {
  test("makes the volume ready, brings the database up, and ends in order", async () => {
    run();
    await eventually("the database", () => runs().includes("database start"));
    expect(runs()).toEqual(["database initialise", "database start"]);
    for (const folder of ["holds", "markers", "kept", "installed", "unfinished", "incoming"])
      expect(existsSync(path(`opt/tungsten-operator/${folder}`))).toBe(true);
    expect(existsSync(path("opt/home/tungsten/.ssh"))).toBe(true);
    expect(existsSync(path("run/mysqld/left-over"))).toBe(false);
    expect(await stop()).toBe(0);
    expect(runs().at(-1)).toBe("database stop");
  });

  test("starts what is installed in one order and stops it in the other", async () => {
    install("cluster", "crossSite", "manager", "connector");
    run();
    await eventually("the connector", () => runs().includes("connector start"));
    expect(runs()).toEqual([
      "database initialise",
      "database start",
      "cluster start",
      "crossSite start",
      "manager start",
      "connector start",
    ]);
    expect(await stop()).toBe(0);
    expect(runs().slice(6)).toEqual([
      "connector stop",
      "manager stop",
      "crossSite stop",
      "cluster stop",
      "database stop",
    ]);
  });

  test.each([
    ["crossSite", ["cluster", "manager", "connector"]],
    ["manager", ["cluster", "crossSite", "connector"]],
    ["cluster", ["crossSite", "manager", "connector"]],
  ])("does not start what is held: %s", async (hold, others) => {
    install("cluster", "crossSite", "manager", "connector");
    node.put(`opt/tungsten-operator/holds/${hold}`, "");
    run();
    await says("is not started: held");
    await eventually("the others", () => started().length === others.length + 1);
    expect(started()).toEqual(["database start", ...others.map((name) => `${name} start`)]);
  });

  test("does not start what a tpm left half done: a cut uninstall would begin again at 0", async () => {
    install("cluster", "crossSite", "manager", "connector");
    node.put("opt/tungsten-operator/unfinished/crossSite", "some-marker\n");
    run();
    await says(/replicator is not started: a tpm that changed it was not seen to end well/);
    await eventually("the connector", () => runs().includes("connector start"));
    expect(started()).not.toContain("crossSite start");
  });

  test("starts only what startall names, if it names anything", async () => {
    install("cluster", "manager", "connector");
    node.put(
      "opt/continuent/tungsten/cluster-home/bin/startall",
      "tungsten-manager/bin/manager start\ntungsten-replicator/bin/replicator start\n",
    );
    run();
    await says("connector is not started: not configured on this node");
    expect(started()).toEqual(["database start", "cluster start", "manager start"]);
  });

  test("starts nothing before the database is up, and then once", async () => {
    install("cluster");
    node.put("database-fails", "");
    run();
    await eventually("two tries", () => runs().filter((line) => line === "database start").length > 2);
    expect(started()).not.toContain("cluster start");
    rmSync(path("database-fails"));
    await eventually("the replicator", () => runs().includes("cluster start"));
    const tries = runs().length;
    node.put("opt/tungsten-operator/ini/tungsten.ini", "[defaults]\n");
    await eventually("later rounds", () => existsSync(path("etc/tungsten/tungsten.ini")));
    expect(runs()).toHaveLength(tries);
  });

  test("a witness has no database and needs none", async () => {
    rmSync(path("etc/tungsten-my-cnf/nyc-0.cnf"));
    install("manager");
    run();
    await eventually("the manager", () => runs().includes("manager start"));
    expect(runs()).toEqual(["manager start"]);
  });

  test("a node with data and without its my.cnf waits for it", async () => {
    rmSync(path("etc/tungsten-my-cnf/nyc-0.cnf"));
    mkdirSync(path("opt/mysql/data"), { recursive: true });
    install("manager");
    run();
    await says("the database waits for it");
    expect(runs()).toEqual([]);
    node.put("etc/tungsten-my-cnf/nyc-0.cnf", "[mysqld]\n");
    await eventually("the manager", () => runs().includes("manager start"));
    expect(runs()).toEqual(["database initialise", "database start", "manager start"]);
  });

  test("joins the ini that the volume holds, when the Secret is there", async () => {
    rmSync(path("etc/tungsten-secrets/replication-password"));
    node.put("opt/tungsten-operator/ini/tungsten.ini", "password=@{replication-password}\n");
    run();
    await says("tungsten.ini is not joined yet");
    expect(existsSync(path("etc/tungsten/tungsten.ini"))).toBe(false);
    node.put("etc/tungsten-secrets/replication-password", "word");
    await eventually("the ini", () => existsSync(path("etc/tungsten/tungsten.ini")));
    expect(node.file("etc/tungsten/tungsten.ini")).toBe("password=word\n");
  });

  test("a hold that comes while something is being started waits until it has started", async () => {
    install("crossSite");
    spawnSync("mkfifo", [path("gate-crossSite")]);
    run();
    await eventually("its start", () => runs().includes("crossSite start"));
    const held = spawn(path("etc/runner/runner"), ["start", "pod-1", "5", "k", ...holdMeasured], {
      env: { PATH: process.env.PATH, POD_UID: "pod-1" },
      stdio: ["pipe", "pipe", "ignore"],
    });
    let told = "";
    held.stdout.on("data", (data) => {
      told += data;
    });
    held.stdin.end(holdPayload);
    await new Promise((done) => held.once("close", done));
    expect(told).toMatch(/^state\trunning\n/);
    expect(existsSync(path("opt/tungsten-operator/holds/crossSite"))).toBe(false);
    writeFileSync(path("gate-crossSite"), "\n");
    await eventually("the hold", () => existsSync(path("opt/tungsten-operator/markers/k/rc")));
    expect(existsSync(path("opt/tungsten-operator/holds/crossSite"))).toBe(true);
  });

  test("what it starts inherits neither its lock nor its output", async () => {
    install("cluster");
    node.put(
      programs.cluster,
      `#!/bin/bash\n[[ $1 != start ]] || { sleep 600 & echo $! >${node.root}/daemon; }\n`,
      0o755,
    );
    run();
    await says("replicator start ended with 0");
    const free = () =>
      spawnSync("flock", ["-n", path("opt/tungsten-operator/holds.lock"), "true"]).status === 0;
    await eventually("the lock", free);
    expect(await stop()).toBe(0);
    spawnSync("kill", [node.file("daemon").trim()]);
  });
});

const holdPayload = "command\thold\tcrossSite\nlimit\t60\n\n";
const holdMeasured = [String(holdPayload.length), sha256(holdPayload)];

describe("packages", () => {
  const name = "tungsten-clustering-8.0.4-132";
  const tarball = `usr/share/tungsten/packages/${name}.tar.gz`;
  const tool = `opt/continuent/software/${name}/tools/tpm`;

  function pack(text: string): string {
    node.put(`build/${name}/tools/tpm`, text, 0o755);
    mkdirSync(path("usr/share/tungsten/packages"), { recursive: true });
    spawnSync("tar", ["-czf", path(tarball), "-C", path("build"), name]);
    return spawnSync("sha256sum", [path(tarball)], { encoding: "utf8" }).stdout;
  }

  test("are unpacked once, if their checksum is right, and never replaced", async () => {
    node.put(`${tarball}.sha256`, pack("#!/bin/bash\n"));
    run();
    await says(`${name} is unpacked`);
    expect(existsSync(path(tool))).toBe(true);
    await stop();
    said = "";
    node.put(`${tarball}.sha256`, pack("#!/bin/bash\n# another\n"));
    run();
    await says("from another package; it is left as it is");
    expect(node.file(tool)).toBe("#!/bin/bash\n");
  });

  test.each([
    ["without a checksum", undefined, /sha256 is missing/],
    ["with another checksum", `${"0".repeat(64)}  x\n`, /checksum is not the one/],
  ])("%s are not unpacked", async (_name, sum, text) => {
    pack("#!/bin/bash\n");
    if (sum !== undefined) node.put(`${tarball}.sha256`, sum);
    run();
    await says(text);
    expect(existsSync(path(`opt/continuent/software/${name}`))).toBe(false);
  });

  test("that hold something else are not unpacked", async () => {
    const sum = pack("#!/bin/bash\n");
    const other = tarball.replace("132", "133");
    spawnSync("cp", [path(tarball), path(other)]);
    node.put(`${other}.sha256`, sum);
    rmSync(path(tarball));
    run();
    await says(/holds no tungsten-clustering-8.0.4-133\/tools\/tpm/);
    expect(existsSync(path("opt/continuent/software/tungsten-clustering-8.0.4-133"))).toBe(false);
  });
});
