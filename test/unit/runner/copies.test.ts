/** A node's database as a whole, by the real script: stopped and asked, copied away, made a copy of another's. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { newNode, type RunnerNode, sha256 } from "./node.ts";

let bin: string;
let node: RunnerNode;
const path = process.env.PATH;

const program = (name: string, text: string): void => {
  writeFileSync(join(bin, name), `#!/bin/bash\nroot=\${FAKES%/fakes}\n${text}`);
  chmodSync(join(bin, name), 0o755);
};

beforeEach(() => {
  bin = mkdtempSync(join(tmpdir(), "tungsten-operator-bin-"));
  process.env.PATH = `${bin}:${path}`;
  node = newNode();
  node.put(
    "usr/local/bin/mysqld-service",
    '#!/bin/bash\necho "mysqld-service $1" >>"$RUNS"\n[[ $1 != status ]] || exit "$(cat "$FAKES/$DONOR"database 2>/dev/null || echo 3)"\n',
    0o755,
  );
  node.put("fakes/replicator", 'echo "Tungsten Replicator Service is not running."; exit 1\n');
  program(
    "mariadbd",
    'if [[ $* == *--version* ]]; then echo "mariadbd  Ver $(cat "$FAKES/$DONOR"version 2>/dev/null || echo 10.11.19-MariaDB) for debian"; exit; fi\n' +
      'printf "%s\\n" "$(cat "$FAKES/options" 2>/dev/null || echo innodb-data-file-path ibdata1:12M:autoextend)" "datadir $root/opt/mysql/$(cat "$FAKES/$DONOR"place 2>/dev/null || echo data)/" "innodb-data-home-dir (No default value)" "innodb-undo-directory ./" "innodb-log-group-home-dir $root/opt/mysql/redo"\n',
  );
  program("ssh", 'shift 3; export DONOR=donor-; PATH=/usr/local/bin:/usr/bin:/bin exec "$@"\n');
  program(
    "rsync",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is shell
    'words=("$@"); from=${words[-2]#*:} to=${words[-1]}; from=$root/donor${from#"$root"}\n' +
      'echo "rsync $*" >>"$RUNS"\n' +
      'if [[ $* == *--dry-run* ]]; then diff -rq "$from" "$to"; [[ ! -e $FAKES/torn ]] || echo "torn"; exit 0; fi\n' +
      // As rsync takes files that are alike in size and time for alike, unless told otherwise.
      "[[ $* != *--ignore-times* ]] || newer=always\n" +
      '[[ ! -e $FAKES/wakes ]] || echo 0 >"$FAKES/$(cat "$FAKES/wakes")"\n' +
      "[[ ! -e $FAKES/cut || $to != *redo* ]] || exit 12\n" +
      'cd "$from" && find . -type f | while read -r file; do\n' +
      // biome-ignore lint/suspicious/noTemplateCurlyInString: it is shell
      '  [[ ${newer:-} || $(stat -c "%s %Y" "$file") != "$(stat -c "%s %Y" "$to/$file" 2>/dev/null)" ]] || continue\n' +
      '  cp -a --parents "$file" "$to/"\ndone\n',
  );
  for (const [name, text] of [
    ["opt/mysql/data/ibdata1", "old"],
    ["opt/mysql/redo/ib_logfile0", "old log"],
    ["opt/continuent/thl/nyc/thl.data.1", "events"],
    ["donor/opt/mysql/data/ibdata1", "new"],
    ["donor/opt/mysql/redo/ib_logfile0", "new log"],
  ] as const)
    node.put(name, text);
  mkdirSync(join(node.root, "backups"), { recursive: true });
});
afterEach(() => {
  process.env.PATH = path;
  node.remove();
  rmSync(bin, { recursive: true, force: true });
});

const ended = async (command: string, checks: readonly string[] = []) => {
  const state = await node.run(command, "", checks);
  return state.state === "exited"
    ? { code: state.output.exitCode, says: state.output.stderr.trim() }
    : { code: -1, says: state.state };
};

describe("the service", () => {
  test.each([
    ["0", "running"],
    ["3", "stopped"],
  ])("that exits %s is %s", (code, word) => {
    node.put("fakes/database", code);
    expect(node.ask("database")).toMatchObject({ exitCode: 0, stdout: `${word}\n` });
  });

  test("that tells nothing is neither, and passes no check", async () => {
    node.put("fakes/database", "7");
    expect(node.ask("database").exitCode).toBe(1);
    expect(await ended("hold database", ["database-is stopped"])).toMatchObject({ says: "refused" });
  });

  test("is told to start and to stop", async () => {
    expect(await ended("database stop")).toMatchObject({ code: 0 });
    expect(await ended("database start")).toMatchObject({ code: 0 });
    expect(node.file("runs")).toBe("mysqld-service stop\nmysqld-service start\n");
  });
});

describe("over a database at rest a command is refused", () => {
  const data = "opt/mysql/data";
  const refusal = async () => {
    const state = await node.run("hold database", "", ["no-table-files"]);
    return state.state === "refused" ? state.reason : state.state;
  };
  const mysql = () => node.put(`${data}/mysql.ibd`, "");
  const folder = (name: string) => mkdirSync(join(node.root, data, name), { recursive: true });

  test("not where all is as it was made, logs in folders of their own among it", async () => {
    for (const own of [
      "mysql/user.frm",
      "sys/sys_config.ibd",
      "performance_schema/accounts.frm",
      "tungsten_nyc/heartbeat.ibd",
      "test/db.opt",
      "#innodb_redo/#ib_redo0.ibd",
      "logs/mysql-bin.000001",
      "undo_001",
    ])
      node.put(`${data}/${own}`, "");
    folder("lost+found");
    expect(await refusal()).toBe("exited");
    mysql();
    expect(await refusal()).toBe("exited");
  });

  test.each<[string, () => void, RegExp]>([
    ["a table has a file", () => node.put(`${data}/shop/orders.ibd`, "rows"), /the schema «shop» of a user$/],
    ["one lies in a shared tablespace", () => node.put(`${data}/shop/orders.frm`, ""), /the schema «shop»/],
    ["a schema is still empty", () => node.put(`${data}/shop/db.opt`, ""), /the schema «shop»/],
    ["somebody used the schema test", () => node.put(`${data}/test/t.frm`, ""), /the schema «test»/],
    [
      "one differs from a server's in a letter",
      () => node.put(`${data}/Mysql/t.frm`, ""),
      /the schema «Mysql»/,
    ],
    [
      "a schema is a link to another place",
      () => {
        node.put("elsewhere/orders.frm", "");
        symlinkSync(join(node.root, "elsewhere"), join(node.root, data, "shop"));
      },
      /the schema «shop»/,
    ],
    [
      "MySQL has a schema, whose tables may lie anywhere",
      () => {
        mysql();
        folder("shop");
      },
      /the schema «shop»/,
    ],
    ["a tablespace was added", () => node.put(`${data}/ts1.ibd`, ""), /the tablespace «ts1\.ibd»$/],
    [
      "the system's tablespace has grown",
      () => truncateSync(join(node.root, data, "ibdata1"), 12 * 1024 ** 2 + 1),
      /«ibdata1», which has grown since it was made/,
    ],
    [
      "it has in a place of its own",
      () => {
        node.put(
          "fakes/options",
          `innodb-data-file-path a:1K;b:2K:autoextend\ninnodb-data-home-dir ${node.root}/opt/ibd\n`,
        );
        node.put("opt/ibd/a", "");
        node.put("opt/ibd/b", "x".repeat(2049));
      },
      /«b», which has grown/,
    ],
    ["the server does not tell its tablespaces", () => node.put("fakes/options", "x y\n"), /cannot be read/],
    [
      "it tells them in another way",
      () => node.put("fakes/options", "innodb-data-file-path raw\n"),
      /cannot be read/,
    ],
    [
      "there is no data directory",
      () => rmSync(join(node.root, data), { recursive: true }),
      /cannot be read/,
    ],
    ["the database runs", () => node.put("fakes/database", "0"), /^the database runs$/],
    ["its service tells nothing", () => node.put("fakes/database", "7"), /^the database cannot be asked$/],
  ])("where %s", async (_words, set, says) => {
    set();
    expect(await refusal()).toMatch(says);
  });
});

describe("a snapshot", () => {
  test("holds every path of the server and the logs, and is recorded like a backup", async () => {
    expect(await ended("snapshot before")).toMatchObject({ code: 0 });
    expect(node.ask("backup before").stdout).toMatch(
      /^sha256=[0-9a-f]{64}\nlsn=0\nbytes=\d+\nverified=yes\n$/,
    );
    expect(node.file("backups/before/1/ibdata1")).toBe("old");
    expect(statSync(join(node.root, "backups/before")).mode & 0o777).toBe(0o700);
    expect(node.file("backups/before/2/ib_logfile0")).toBe("old log");
    expect(node.file("backups/before/3/nyc/thl.data.1")).toBe("events");
    expect(node.file("backups/before/paths").split("\n")).toHaveLength(4);
    const sum = /sha256=(\w+)/.exec(node.ask("backup before").stdout)?.[1] ?? "";
    expect(await ended("hold database", [`backup-is before ${sum}`])).toMatchObject({ code: 0 });
    expect(await ended("hold database", [`backup-is before ${sha256("x")}`])).toMatchObject({
      says: "refused",
    });
  });

  test.each([
    ["the database runs", () => node.put("fakes/database", "0")],
    ["the cluster replicator runs", () => node.put("fakes/replicator", "exit 0\n")],
  ])("is refused while %s", async (says, set) => {
    set();
    expect((await ended("snapshot before")).says).toContain(says);
    expect(existsSync(join(node.root, "backups/before.state"))).toBe(false);
  });
});

describe("a copy", () => {
  test("brings every path, is proven by a second pass and told by a kept file", async () => {
    expect(await ended("copy-datadir london-2 copy-1")).toEqual({ code: 0, says: "" });
    expect(node.file("opt/mysql/data/ibdata1")).toBe("new");
    expect(node.file("opt/mysql/redo/ib_logfile0")).toBe("new log");
    expect(node.file("opt/tungsten-operator/kept/copy-1")).toMatch(/^from=london-2\nversion=10\.11\.19/);
    const runs = node
      .file("runs")
      .split("\n")
      .filter((line) => line.startsWith("rsync"));
    expect(runs.map((line) => line.includes("--checksum --dry-run"))).toEqual([false, false, true, true]);
    expect(runs.every((line) => line.includes("--exclude=/auto.cnf") && line.includes("bin.[0-9]*"))).toBe(
      true,
    );
  });

  test("brings a file that is alike in size and time, and another", async () => {
    const second = new Date("2026-01-01T00:00:00Z");
    for (const file of ["opt/mysql/data/ibdata1", "donor/opt/mysql/data/ibdata1"])
      utimesSync(join(node.root, file), second, second);
    expect(await ended("copy-datadir london-2 copy-1")).toEqual({ code: 0, says: "" });
    expect(node.file("opt/mysql/data/ibdata1")).toBe("new");
  });

  test("that a second pass finds torn is none", async () => {
    node.put("fakes/torn", "");
    expect((await ended("copy-datadir london-2 copy-1")).says).toMatch(
      /differs from that of london-2 after the copy/,
    );
    expect(existsSync(join(node.root, "opt/tungsten-operator/kept/copy-1"))).toBe(false);
  });

  test("that is cut off between two paths is none, and the next one makes it whole", async () => {
    node.put("fakes/cut", "");
    expect(await ended("copy-datadir london-2 copy-1")).toMatchObject({ code: 1 });
    expect(node.file("opt/mysql/redo/ib_logfile0")).toBe("old log");
    expect(existsSync(join(node.root, "opt/tungsten-operator/kept/copy-1"))).toBe(false);
    rmSync(join(node.root, "fakes/cut"));
    expect(await ended("copy-datadir london-2 copy-1")).toEqual({ code: 0, says: "" });
    expect(node.file("opt/mysql/redo/ib_logfile0")).toBe("new log");
  });

  test.each(["database", "donor-database"])("beside which somebody starts the %s is none", async (which) => {
    node.put("fakes/wakes", which);
    expect(await ended("copy-datadir london-2 copy-1")).toEqual({
      code: 1,
      says: "a database was started meanwhile",
    });
    expect(existsSync(join(node.root, "opt/tungsten-operator/kept/copy-1"))).toBe(false);
  });

  test.each<[string, () => void, RegExp]>([
    [
      "a schema of the donor is a link",
      () => {
        node.put("elsewhere/orders.ibd", "");
        symlinkSync(join(node.root, "elsewhere"), join(node.root, "opt/mysql/data/shop"));
      },
      /london-2 keeps data where no copy would take them along: «[^»]*\/elsewhere»/,
    ],
    [
      "a table has a DATA DIRECTORY",
      () => node.put("opt/mysql/data/shop/orders.isl", "/srv/disk2/shop/orders.ibd"),
      /«\/srv\/disk2\/shop\/orders\.ibd»/,
    ],
    [
      "a tablespace lies in a folder that only innodb-directories names",
      () => {
        node.put("fakes/options", `innodb-directories ${node.root}/opt/mysql/data;${node.root}/srv\n`);
        node.put("srv/ts1.ibd", "");
      },
      /«[^»]*\/srv\/ts1\.ibd»/,
    ],
  ])("is refused where %s, and nothing is touched", async (_words, set, says) => {
    set();
    expect(await ended("copy-datadir london-2 copy-1")).toMatchObject({
      code: 3,
      says: expect.stringMatching(says),
    });
    expect(node.file("opt/mysql/data/ibdata1")).toBe("old");
  });

  test("takes links within the data along, and what lies there anyway", async () => {
    symlinkSync("ibdata1", join(node.root, "opt/mysql/data/link"));
    node.put("opt/mysql/data/shop/orders.isl", `${node.root}/opt/mysql/redo/orders.ibd`);
    node.put("fakes/options", `innodb-directories ${node.root}/opt/mysql/data\n`);
    expect((await ended("copy-datadir london-2 copy-1")).says).not.toMatch(/where no copy/);
  });

  test.each([
    ["the database of this node runs", "database", "0", "london-2", /the database of this node runs/],
    [
      "the donor's runs",
      "donor-database",
      "0",
      "london-2",
      /the database of london-2 runs, or cannot be asked/,
    ],
    [
      "the donor's cannot be asked",
      "donor-database",
      "7",
      "london-2",
      /the database of london-2 runs, or cannot/,
    ],
    [
      "the donor has another server version",
      "donor-version",
      "10.11.20-MariaDB",
      "london-2",
      /london-2 runs another server version than this node: 10\.11\.20-MariaDB/,
    ],
    ["the donor keeps its data elsewhere", "donor-place", "other", "london-2", /in different places/],
    ["the donor is the node itself", "unused", "", "nyc-0", /nyc-0 is this node itself/],
  ])("is refused where %s, and nothing is touched", async (_words, fake, text, donor, says) => {
    node.put(`fakes/${fake}`, text);
    expect(await ended(`copy-datadir ${donor} copy-1`)).toMatchObject({
      code: 3,
      says: expect.stringMatching(says),
    });
    expect(node.file("opt/mysql/data/ibdata1")).toBe("old");
    expect(existsSync(join(node.root, "opt/tungsten-operator/kept/copy-1"))).toBe(false);
  });
});
