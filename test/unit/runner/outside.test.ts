/** What a real MariaDB keeps outside of its data directory: no copy is made of a donor that does. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { type Database, noDatabase, startDatabase } from "./database.ts";
import { newNode, type RunnerNode } from "./node.ts";

if (noDatabase !== undefined) console.warn(`skipped: ${noDatabase}`);
(noDatabase === undefined ? describe : describe.skip)("a copy of a server", () => {
  const path = process.env.PATH;
  let bin: string;
  let node: RunnerNode;
  let database: Database;

  beforeAll(() => {
    bin = mkdtempSync(join(tmpdir(), "tungsten-operator-bin-"));
    process.env.PATH = `${bin}:${path}`;
    node = newNode();
    database = startDatabase(node);
    database.sql("CREATE DATABASE shop");
    mkdirSync(join(node.root, "srv"));
    // The donor is this very server, and nothing is carried anywhere: only whether it begins is asked.
    for (const [name, text] of [
      ["ssh", 'shift 3; exec "$@"'],
      ["rsync", "exit 0"],
    ] as const) {
      writeFileSync(join(bin, name), `#!/bin/bash\n${text}\n`);
      chmodSync(join(bin, name), 0o755);
    }
  });
  afterAll(() => {
    database?.stop();
    process.env.PATH = path;
    node?.remove();
    rmSync(bin, { recursive: true, force: true });
  });

  async function copied(name: string): Promise<string> {
    database.service("stop");
    const state = await node.run(`copy-datadir london-2 ${name}`);
    database.service("start");
    return state.state === "exited" ? `${state.output.exitCode} ${state.output.stderr.trim()}` : state.state;
  }

  test.each([
    ["InnoDB", "shop/far.ibd"],
    ["MyISAM", "far.MY[DI]"],
    ["Aria TRANSACTIONAL=0", "far.MA[DI]"],
  ])(
    "is refused while a table of %s has a DATA DIRECTORY, and made once it has none",
    async (engine, file) => {
      const elsewhere = join(node.root, "srv");
      const index = engine === "InnoDB" ? "" : `INDEX DIRECTORY='${elsewhere}'`;
      database.sql(
        `CREATE TABLE shop.far (a INT PRIMARY KEY) ENGINE=${engine} DATA DIRECTORY='${elsewhere}' ${index}`,
      );
      expect(await copied("refused")).toMatch(
        new RegExp(`^3 london-2 keeps data where no copy would take them along: «[^»]*/srv/${file}»`),
      );
      database.sql("DROP TABLE shop.far");
      expect(await copied(`made-${engine.slice(0, 4)}`)).toBe("0 ");
    },
  );
});
