/** The vendor's tools behind the runner: which words reach which program, what the second look makes of real outputs, what a tpm leaves behind. */
import { spawn, spawnSync } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { MarkerState } from "../../../src/tungsten/invocation.ts";
import { readFingerprints } from "../../../src/tungsten/keys.ts";
import { readInstalled, readReach } from "../../../src/tungsten/node.ts";
import { newNode, type RunnerNode, sha256 } from "./node.ts";

const transcripts = resolve(import.meta.dirname, "../../transcripts");
const ini = "[defaults]\nuser=tungsten\n";
const release = "8.0.4-132";

let node: RunnerNode;
const exitOf = (state: MarkerState) => (state.state === "exited" ? state.output.exitCode : state);
const ran = (): readonly string[] =>
  node
    .file("runs")
    .split("\n")
    .filter((line) => line !== "");

/** The tool prints a recorded output from now on. */
function prints(tool: string, transcript: string): void {
  const [head = "", ...rest] = readFileSync(join(transcripts, transcript), "utf8").split("\n");
  const exit = /exit code: (\d+)/.exec(head)?.[1] ?? "0";
  says(tool, rest.join("\n"), exit);
}
const says = (tool: string, text: string, exit = "0") =>
  node.put(`fakes/${tool}`, `cat <<'END'\n${text}\nEND\nexit ${exit}\n`);

beforeEach(() => {
  node = newNode();
  const scripts = join(node.root, "opt/continuent/tungsten/tungsten-replicator/scripts");
  mkdirSync(scripts, { recursive: true });
  for (const name of ["tprovision", "tungsten_provision_slave"])
    writeFileSync(join(scripts, name), '#!/bin/bash\necho "$(basename "$0") $*" >>"$RUNS"\n', {
      mode: 0o755,
    });
  for (const product of ["continuent", "replicator"]) {
    const tree = join(node.root, `opt/${product}`);
    mkdirSync(join(tree, "tungsten/cluster-home/bin"), { recursive: true });
    for (const name of ["startall", "stopall"])
      writeFileSync(join(tree, "tungsten/cluster-home/bin", name), '#!/bin/bash\nbasename "$0" >>"$RUNS"\n', {
        mode: 0o755,
      });
  }
});
afterEach(() => node.remove());

describe("words", () => {
  test.each([
    ["replicator cluster start", "replicator start"],
    ["replicator crossSite stop", "replicator stop"],
    ["replicator crossSite start-offline", "replicator start offline"],
    ["manager stop", "manager stop"],
    ["connector start", "connector start"],
    ["startall cluster", "startall"],
    ["stopall cluster", "stopall"],
    ["trepctl crossSite -service alpha online", "trepctl -service alpha online"],
    ["trepctl crossSite -service alpha online -force", "trepctl -service alpha online -force"],
    [
      "trepctl crossSite -service alpha offline-deferred -at-heartbeat stop_1",
      "trepctl -service alpha offline-deferred -at-heartbeat stop_1",
    ],
    [`tpm cluster ${release} validate`, "tpm validate --tty"],
    [`tpm cluster ${release} update --replace-release`, "tpm update --replace-release --tty"],
    ["tpm cluster installed post-process -y", "tpm post-process -y --tty"],
    [
      `tpm cluster ${release} update --replace-release --no-connectors`,
      "tpm update --replace-release --no-connectors --tty",
    ],
    ["tpm cluster installed promote-connector", "tpm promote-connector --tty"],
    ["tpm crossSite installed uninstall --i-am-sure", "tpm uninstall --i-am-sure --tty"],
    ["tpm crossSite installed delete-service --i-am-sure", "tpm delete-service --i-am-sure --tty"],
    [
      "tpm crossSite installed delete-service --i-am-sure --keep-position",
      "tpm delete-service --i-am-sure --keep-position --tty",
    ],
    ["tprovision -s london-1 -m xtrabackup -c", "tprovision -s london-1 -m xtrabackup -c"],
    [
      "tungsten_provision_slave --source london-1 --mysqldump",
      "tungsten_provision_slave --source london-1 --mysqldump",
    ],
  ])("of the command «%s» reach the tool as «%s»", async (command, words) => {
    expect(exitOf(await node.run(command))).toBe(0);
    expect(ran()).toEqual([words]);
  });

  test.each([
    ["trepctl crossSite services -full -json", "trepctl -retry 0 services -full -json"],
    ["trepctl cluster -service alpha status", "trepctl -retry 0 -service alpha status"],
    ["dsctl crossSite -service alpha get", "dsctl -service alpha get"],
    [
      "thl cluster -service alpha list -seqno 7 -headers -json",
      "thl -service alpha list -seqno 7 -headers -json",
    ],
    ["replicator crossSite status", "replicator status"],
    ["manager status", "manager status"],
    ["tpm cluster query staging", "tpm query staging"],
    ["cctrl ls", "cctrl "],
    ["cctrl composite-ls global", "cctrl -multi"],
  ])("of the query «%s» reach the tool as «%s»", (query, words) => {
    expect(node.ask(query).exitCode).toBe(0);
    expect(ran()).toEqual([words]);
  });

  test("cctrl is fed by the payload, whole", async () => {
    node.put("fakes/cctrl", 'while read -r line; do echo "got $line" >>"$RUNS"; done\n');
    const text = "set policy maintenance\nls\n";
    expect(exitOf(await node.run("cctrl", text))).toBe(0);
    expect(ran()).toEqual(["cctrl ", "got set policy maintenance", "got ls"]);
  });

  test("a tool that is not there is 127, of a query as of a command", async () => {
    expect(node.ask("tpm crossSite query version").exitCode).toBe(0);
    expect(exitOf(await node.run(`tpm crossSite ${release} install`))).toBe(127);
  });

  test("output and exit code come back as they were, the first 64 KiB of each stream", async () => {
    node.put("fakes/manager", 'head -c 70000 /dev/zero | tr "\\0" x; exit 9\n');
    const state = await node.run("manager start");
    expect(state).toMatchObject({ state: "exited", output: { exitCode: 9, stdout: "x".repeat(65536) } });
  });
});

describe("the second look, over recorded outputs", () => {
  const verdict = async (check: string) => (await node.run("hold cluster", "", [check])).state;

  test("of an armed service", async () => {
    prints("trepctl", "conv-1-status-armed.db3.txt");
    expect(await verdict("armed crossSite alpha offline_for_upg")).toBe("exited");
    expect(await verdict("armed crossSite alpha offline_for")).toBe("refused");
    expect(await verdict("state-is crossSite alpha ONLINE")).toBe("exited");
    expect(await verdict("state-is crossSite alpha OFFLINE:NORMAL")).toBe("refused");
    expect(await verdict("error-is crossSite alpha epoch")).toBe("refused");
  });

  test("of one among several requests", async () => {
    says(
      "trepctl",
      "offlineRequests        : Offline at sequence number: 7;Offline at heartbeat event: stop_1",
    );
    expect(await verdict("armed crossSite alpha stop_1")).toBe("exited");
    expect(await verdict("armed crossSite alpha stop_11")).toBe("refused");
  });

  test("of an epoch mismatch", async () => {
    prints("trepctl", "trepctl-status-epoch-mismatch.txt");
    expect(await verdict("error-is crossSite alpha epoch")).toBe("exited");
  });

  test("of the event at which a service is stopped", async () => {
    prints("trepctl", "trepctl-status-slave-apply-error.txt");
    expect(await verdict("error-at crossSite alpha 8")).toBe("exited");
    expect(await verdict("error-at crossSite alpha 9")).toBe("refused");
    expect(await verdict("error-at crossSite alpha 80")).toBe("refused");
    prints("trepctl", "trepctl-status-slave.txt");
    expect(await verdict("error-at crossSite alpha 8")).toBe("refused");
  });

  test("of a replicator that cannot be asked: nothing goes on", async () => {
    prints("trepctl", "trepctl-status-replicator-down.txt");
    expect(await verdict("error-at crossSite alpha 8")).toBe("refused");
    expect(await verdict("state-is crossSite alpha ONLINE")).toBe("refused");
    expect(await verdict("armed crossSite alpha offline_for_upg")).toBe("refused");
  });

  test("of a replicator that is stopped, runs, or says something else", async () => {
    prints("replicator", "replicator-status-stopped.txt");
    expect(await verdict("stopped crossSite")).toBe("exited");
    prints("replicator", "replicator-status-running.txt");
    expect(await verdict("stopped crossSite")).toBe("refused");
    says("replicator", "");
    expect(await verdict("stopped crossSite")).toBe("refused");
  });

  test("of the policy", async () => {
    says("cctrl", "COORDINATOR[db1:MAINTENANCE:ONLINE]");
    expect(await verdict("policy-is MAINTENANCE")).toBe("exited");
    expect(await verdict("policy-is AUTOMATIC")).toBe("refused");
    says("cctrl", "Exiting...");
    expect(await verdict("policy-is MAINTENANCE")).toBe("refused");
  });

  test("of a datasource that is out: that one, and no other", async () => {
    says(
      "cctrl",
      "COORDINATOR[db1:MAINTENANCE:ONLINE]\n|nyc-0(slave:SHUNNED(MANUALLY-SHUNNED), progress=3, |\n|nyc-1(slave:ONLINE, progress=3, |",
    );
    expect(await verdict("shunned nyc-0")).toBe("exited");
    expect(await verdict("shunned nyc-1")).toBe("refused");
    expect(await verdict("shunned nyc-2")).toBe("refused");
    says("cctrl", "Exiting...");
    expect(await verdict("shunned nyc-0")).toBe("refused");
  });

  test("of the published ini", async () => {
    expect(await verdict(`ini-is ${sha256(ini)}`)).toBe("refused");
    await node.run(`publish-ini ${sha256(ini)}`, ini);
    expect(await verdict(`ini-is ${sha256(ini)}`)).toBe("exited");
    node.put("etc/tungsten/tungsten.ini", "changed by hand\n");
    expect(await verdict(`ini-is ${sha256(ini)}`)).toBe("refused");
  });

  test("of a tpm that runs: by its name in the process table", async () => {
    const table = newNode({ PROCESS_TABLE: "$ROOT/table" });
    const look = async (words: string) => {
      table.put(
        "table/77/cmdline",
        words
          .split(" ")
          .map((word) => `${word}\0`)
          .join(""),
      );
      return (await table.run("hold cluster", "", ["no-tpm"])).state;
    };
    expect(await look("ruby -Ilib /opt/continuent/software/x/tools/ruby-tpm/tpm.rb install --tty")).toBe(
      "refused",
    );
    expect(await look("/bin/bash ./tools/tpm update --replace-release")).toBe("refused");
    expect(await look("/bin/bash tools/tpm query version")).toBe("exited");
    expect(await look("java -cp tungsten.jar com.continuent.Manager")).toBe("exited");
    table.remove();
  });
});

describe("what a tpm leaves behind", () => {
  const unfinished = () => readInstalledText().get("unfinished");
  const readInstalledText = () =>
    new Map(
      node
        .ask("installed cluster")
        .stdout.split("\n")
        .map((line) => line.split("=") as [string, string]),
    );
  const link = () => {
    const tree = join(node.root, "opt/continuent");
    mkdirSync(join(tree, "releases"), { recursive: true });
    renameSync(join(tree, "tungsten"), join(tree, `releases/tungsten-clustering-${release}_pid77`));
    symlinkSync(`releases/tungsten-clustering-${release}_pid77`, join(tree, "tungsten"));
  };

  test("one that ended well: the ini it read, and no note", async () => {
    link();
    await node.run(`publish-ini ${sha256(ini)}`, ini);
    node.put("fakes/tpm", 'ls "$(dirname "$RUNS")/opt/tungsten-operator/unfinished" >>"$RUNS"\n');
    node.put(
      "opt/continuent/tungsten/tungsten-replicator/conf/static-alpha.properties",
      "replicator.global.apply.channels=5\n",
    );
    expect(exitOf(await node.run(`tpm cluster ${release} install`))).toBe(0);
    expect(ran()).toEqual(["tpm install --tty", "cluster"]);
    const told = readInstalled(node.ask("installed cluster"));
    expect(told).toEqual({
      read: {
        release,
        method: "ini",
        services: ["alpha"],
        ini: sha256(ini),
        parallel: 5,
        secret: null,
        unfinished: null,
      },
    });
    expect(unfinished()).toBe("");
  });

  test("a note that cannot be read is no missing one", () => {
    link();
    node.put("opt/tungsten-operator/unfinished/cluster/inside", "");
    expect(node.ask("installed cluster")).toMatchObject({ exitCode: 1, stdout: "" });
  });

  test("one that ended badly: a note, which a better run takes away; a validation leaves none, nor a connector", async () => {
    link();
    node.put("fakes/tpm", "exit 1\n");
    expect(exitOf(await node.run(`tpm cluster ${release} validate`))).toBe(1);
    expect(exitOf(await node.run("tpm cluster installed promote-connector"))).toBe(1);
    expect(unfinished()).toBe("");
    expect(exitOf(await node.run(`tpm cluster ${release} update --replace-release`))).toBe(1);
    expect(unfinished()).toBe("run-3");
    node.put("fakes/tpm", "exit 0\n");
    expect(exitOf(await node.run(`tpm cluster ${release} update --replace-release`))).toBe(0);
    expect(unfinished()).toBe("");
  });

  test("a post-process: a note while it is not through, and what was installed from stays as it was", async () => {
    link();
    await node.run(`publish-ini ${sha256(ini)}`, ini);
    node.put("fakes/tpm", "exit 0\n");
    await node.run(`tpm cluster ${release} install`);
    node.put("fakes/tpm", "exit 1\n");
    expect(exitOf(await node.run("tpm cluster installed post-process -y"))).toBe(1);
    expect(unfinished()).toBe("run-3");
    node.put("fakes/tpm", "exit 0\n");
    expect(exitOf(await node.run("tpm cluster installed post-process -y"))).toBe(0);
    expect(unfinished()).toBe("");
    expect(readInstalledText().get("ini")).toBe(sha256(ini));
  });

  test("a delete-service: the same; the update behind it is what tells another text", async () => {
    link();
    await node.run(`publish-ini ${sha256(ini)}`, ini);
    node.put("fakes/tpm", "exit 0\n");
    await node.run(`tpm cluster ${release} install`);
    node.put("fakes/tpm", "exit 1\n");
    const words = "tpm cluster installed delete-service --i-am-sure --keep-position";
    expect(exitOf(await node.run(words))).toBe(1);
    expect(unfinished()).toBe("run-3");
    node.put("fakes/tpm", "exit 0\n");
    expect(exitOf(await node.run(words))).toBe(0);
    expect(unfinished()).toBe("");
    expect(readInstalledText().get("ini")).toBe(sha256(ini));
  });

  test("an uninstall that ended well: nothing", async () => {
    await node.run(`publish-ini ${sha256(ini)}`, ini);
    await node.run(`tpm cluster ${release} install`);
    expect(exitOf(await node.run("tpm cluster installed uninstall --i-am-sure"))).toBe(0);
    expect(node.ask("installed crossSite").stdout).not.toContain("ini=0");
    expect(() => node.file("opt/tungsten-operator/installed/cluster")).toThrow();
    expect(() => node.file("opt/tungsten-operator/unfinished/cluster")).toThrow();
  });
});

describe("the configuration of a service", () => {
  const conf = "opt/continuent/tungsten/tungsten-replicator/conf/static-nyc_from_london.properties";
  test("is told by name: the last value counts, what is not there is left out, a secret never told", () => {
    node.put(
      conf,
      "replicator.auto_enable=false\nreplicator.auto_enable=true\na.b=x=y z\nreplicator.db.password=canary\n",
    );
    expect(
      node.ask("properties nyc_from_london replicator.auto_enable a.b nothing replicator.db.password"),
    ).toMatchObject({ exitCode: 0, stdout: "replicator.auto_enable\ttrue\na.b\tx=y z\n" });
  });
  test("that is not there is no empty one", () => {
    expect(node.ask("properties nyc_from_tokyo a.b")).toMatchObject({ exitCode: 1, stdout: "" });
  });
});

describe("the vendor's tool of the conversion", () => {
  const place = `opt/continuent/software/tungsten-clustering-${release}/tools/tungsten_prep_upgrade`;
  const home = (name: string) => join(node.root, "opt/replicator", name);
  const tool = (lines: string) => node.put(place, `#!/bin/bash\necho "$*" >>"$RUNS"\n${lines}\n`, 0o755);

  test("is run by its words, from its package", async () => {
    tool("");
    expect(exitOf(await node.run(`prep-upgrade ${release} london offline`))).toBe(0);
    expect(exitOf(await node.run(`prep-upgrade ${release} stop`))).toBe(0);
    expect(ran()).toEqual(["--service london --offline", "--stop"]);
    expect(node.ask("software").stdout).toContain(`tungsten-clustering-${release}/tungsten_prep_upgrade\n`);
  });

  test("saves a position under a name of its own: the one that appears is kept, an old one is not", async () => {
    node.put("opt/replicator/position-london-20200101000000.txt", "old");
    utimesSync(home("position-london-20200101000000.txt"), 1, 1);
    tool(`echo '[{"seqno":7}]' >${home("position-london-20261129150000.txt")}`);
    expect(exitOf(await node.run(`prep-upgrade ${release} london get pos-1`))).toBe(0);
    expect(node.file("opt/tungsten-operator/kept/pos-1")).toBe('[{"seqno":7}]\n');
    expect(exitOf(await node.run(`prep-upgrade ${release} london get pos-1`))).toBe(3);
  });

  test("writes a dump where it likes: what holds the commit table of that schema is kept", async () => {
    tool(
      `echo noise >${home("note.txt")}; printf 'USE \`tungsten_london\`;\nINSERT INTO \`trep_commit_seqno\`' >${home("any.sql")}`,
    );
    expect(exitOf(await node.run(`prep-upgrade ${release} london dump dump-1`))).toBe(0);
    expect(node.file("opt/tungsten-operator/kept/dump-1")).toContain("tungsten_london");
  });

  test("that leaves nothing, or too much, has kept nothing, whatever it exits with", async () => {
    tool("exit 0");
    expect(exitOf(await node.run(`prep-upgrade ${release} london get pos-2`))).toBe(3);
    tool(`for n in 1 2; do echo x >${home("position-london-2026112915000")}$n.txt; done`);
    expect(exitOf(await node.run(`prep-upgrade ${release} london get pos-2`))).toBe(3);
    expect(() => node.file("opt/tungsten-operator/kept/pos-2")).toThrow();
  });

  test("that is not there is not there", async () => {
    expect(exitOf(await node.run(`prep-upgrade ${release} london offline`))).toBe(127);
  });
});

describe("fingerprints", () => {
  const told = (salt = "estate") => {
    const answer = readFingerprints(node.ask(`fingerprints ${salt}`));
    if ("unreadable" in answer) throw new Error(answer.unreadable);
    return answer.read.map(({ kind, name, sha256: sum }) => `${kind} ${name} ${sum}`);
  };
  const sum = (text: string, salt = "estate") => sha256(`${salt}\n${text}`);
  const generate = (name: string): string => {
    const path = join(node.root, "etc/tungsten-ssh", name);
    mkdirSync(join(node.root, "etc/tungsten-ssh"), { recursive: true });
    spawnSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", name, "-f", path]);
    return readFileSync(`${path}.pub`, "utf8");
  };

  test("tell accounts by salted checksum, and what is not mounted as absent", () => {
    const all = told();
    expect(all).toContain(`account replication-user ${sum("tungsten")}`);
    expect(all).toContain(`account replication-password ${sum("pa$$'&word")}`);
    expect(all).toContain("account application-user null");
    expect(told("other")).toContain(`account replication-user ${sum("tungsten", "other")}`);
    expect(node.ask("fingerprints estate").stdout).not.toContain("pa$$");
  });

  test("tell the stores that the ini names, and those tpm made", () => {
    node.put(
      "etc/tungsten/tungsten.ini",
      "[defaults]\njava-keystore-path=/etc/tungsten/keystore.jks\njava_truststore_path = /etc/tungsten/truststore.ts\njava-keystore-password=canary\n",
    );
    node.put("etc/tungsten/keystore.jks", "k");
    node.put("opt/continuent/share/jgroups.jceks", "j");
    node.put("opt/continuent/share/env.sh", "e");
    const all = told();
    expect(all).toContain(`store /etc/tungsten/keystore.jks ${sum("k")}`);
    expect(all).toContain("store /etc/tungsten/truststore.ts null");
    expect(all).toContain(`share jgroups.jceks ${sum("j")}`);
    expect(all.join()).not.toContain("env.sh");
  });

  test("tell public halves of ssh keys, so that who may go where can be compared", () => {
    const [mine, host] = [generate("id_ed25519"), generate("ssh_host_ed25519_key")];
    node.put("etc/tungsten-ssh/authorized_keys", `# people\n${mine}ssh-rsa AAAAB3other somebody\n`);
    node.put("etc/tungsten-ssh/known_hosts", `* ${host}`);
    const blob = (line: string) => line.split(" ")[1] ?? "";
    expect(told().filter((line) => / key /.test(line))).toEqual([
      `identity key ${sum(blob(mine))}`,
      `host key ${sum(blob(host))}`,
      `authorized key ${sum(blob(mine))}`,
      `authorized key ${sum("AAAAB3other")}`,
      `known key ${sum(blob(host))}`,
    ]);
  });
});

describe("the node", () => {
  test("tells what is not installed, and refuses to guess about a tree tpm did not make", () => {
    expect(node.ask("installed cluster")).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining("no link"),
    });
    renameSync(join(node.root, "opt/continuent/tungsten"), join(node.root, "elsewhere"));
    expect(node.ask("installed cluster")).toMatchObject({ exitCode: 0, stdout: "link=\n" });
  });

  test("keeps a position once: the same again is no harm, another is refused", async () => {
    prints("dsctl", "conv-1-dsctl-get.db3.txt");
    expect(exitOf(await node.run("keep-position alpha pos-1"))).toBe(0);
    expect(exitOf(await node.run("keep-position alpha pos-1"))).toBe(0);
    const kept = node.ask("file pos-1").stdout;
    says("dsctl", '[{"seqno":1}]');
    expect(exitOf(await node.run("keep-position alpha pos-1"))).toBe(3);
    expect(node.ask("file pos-1").stdout).toBe(kept);
    says("dsctl", "Unable to connect", "3");
    expect(exitOf(await node.run("keep-position alpha pos-2"))).toBe(3);
    expect(node.ask("files").stdout).toBe(`pos-1\t${kept.length}\t${sha256(kept)}\n`);
  });

  test("tells silence from a refusal: a host that lets nobody in any more says nothing", async () => {
    // A listener that never accepts: the kernel queues two connections and drops what else begins one.
    const deaf = spawn(process.execPath, [
      "-e",
      `require("net").createServer().listen({ port: 0, host: "127.0.0.1", backlog: 1 }, function () {
        require("fs").writeSync(1, String(this.address().port));
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
      })`,
    ]);
    try {
      const port = await new Promise<string>((told) =>
        deaf.stdout.once("data", (data) => told(String(data))),
      );
      const end = `127.0.0.1:${port}`;
      node.ask(`reach ${[end, end, end, end].join(" ")}`);
      const told = readReach(node.ask(`reach ${end} 127.0.0.1:1`));
      expect("read" in told ? told.read.map(({ state }) => state) : told).toEqual(["timeout", "refused"]);
    } finally {
      deaf.kill("SIGKILL");
    }
  });

  test("tells of more than it tries at once in the order of asking", () => {
    const ends = Array.from({ length: 66 }, (_, index) => `127.0.0.1:${index % 2 === 0 ? 1 : 2}`);
    const told = readReach(node.ask(`reach ${ends.join(" ")}`));
    expect(told).toEqual({ read: ends.map((endpoint) => ({ endpoint, state: "refused" })) });
  });

  // As bash words it; the machine that runs this test may have no such network.
  test.each([
    ["connect: Connection refused", "refused"],
    ["connect: No route to host", "unreachable"],
    ["connect: Network is unreachable", "unreachable"],
    ["connect: Connection timed out", "unreachable"],
    ["connect: Operation not permitted", "failed"],
    ["", "failed"],
  ])("takes «%s» for %s", (says, state) => {
    const programs = mkdtempSync(join(tmpdir(), "tungsten-operator-programs-"));
    const fake = `#!/bin/bash\n[[ $1 == 10 ]] && exit 0\necho "reach: ${says}" >&2\nexit 1\n`;
    writeFileSync(join(programs, "timeout"), fake, { mode: 0o755 });
    const here = newNode({}, programs);
    expect(readReach(here.ask("reach nyc-0:12000"))).toEqual({ read: [{ endpoint: "nyc-0:12000", state }] });
    here.remove();
    rmSync(programs, { recursive: true });
  });

  test("tells who can be reached", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await new Promise((done) => server.once("listening", done));
    const address = server.address();
    const port = typeof address === "object" ? address?.port : 0;
    const told = readReach(node.ask(`reach localhost:${port} localhost:1 no-such-host.invalid:1`));
    server.close();
    expect("read" in told ? told.read.map(({ state }) => state) : told).toEqual([
      "open",
      "refused",
      "unresolved",
    ]);
  });
});
