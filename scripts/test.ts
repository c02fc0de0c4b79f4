/**
 * The whole test command: types, lint, generated files, then unit, simulation and integration tests, simulated nodes with
 * a real MariaDB, and the short form of the end-to-end tests. Ends with one line `N passed, N failed`. With arguments, runs
 * only the test files whose path contains one of them. The Kubernetes programs are made meanwhile, once.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { findBinaries } from "../local/binaries.ts";
import { prepareCluster } from "../local/cluster.ts";
import { installPackages, missingPackages, NotHereError } from "../local/debian.ts";
import { findHelm } from "../local/tools.ts";

const root = resolve(import.meta.dirname, "..");
const filters = process.argv.slice(2);
const option = filters.find((filter) => filter.startsWith("-"));
if (option !== undefined) {
  console.error(
    `${option}: this command takes parts of paths only; CONTRIBUTING.md says how to run one file with jest's own options`,
  );
  process.exit(2);
}
const report = mkdtempSync(join(tmpdir(), "tungsten-operator-test-"));

type Outcome = { readonly passed: number; readonly failed: number };
const failure: Outcome = { passed: 0, failed: 1 };

/** Runs a program to its end; what it says is collected, or goes to our stderr. */
function run(
  command: string,
  args: readonly string[],
  output: "collect" | "show",
): Promise<{ readonly code: number | null; readonly said: string }> {
  const said: string[] = [];
  const stdio = output === "collect" ? "pipe" : "inherit";
  const child = spawn(command, args, {
    cwd: root,
    stdio: ["ignore", output === "collect" ? "pipe" : "ignore", stdio],
  });
  for (const stream of [child.stdout, child.stderr])
    stream?.on("data", (chunk: Buffer) => said.push(chunk.toString()));
  return new Promise((done) => {
    child.on("error", (error) => done({ code: null, said: String(error) }));
    child.on("close", (code) => done({ code, said: said.join("") }));
  });
}

async function check(name: string, command: string, args: readonly string[]): Promise<Outcome> {
  const { code, said } = await run(command, args, "collect");
  console.log(code === 0 ? `ok   ${name}` : `FAIL ${name}\n${said}`);
  return code === 0 ? { passed: 1, failed: 0 } : failure;
}

async function jest(name: string, paths: readonly string[], more: readonly string[] = []): Promise<Outcome> {
  const file = join(report, `${name}.json`);
  const options = ["--json", `--outputFile=${file}`, ...more, "--testPathPatterns", ...paths];
  const program = [
    "--disable-warning=ExperimentalWarning",
    "--experimental-vm-modules",
    join(root, "node_modules/jest/bin/jest.js"),
  ];
  console.log(`\n── ${name}`);
  const { code } = await run(process.execPath, [...program, ...options], "show");
  try {
    const told = JSON.parse(readFileSync(file, "utf8"));
    const broken = Number(told.numRuntimeErrorTestSuites);
    return { passed: Number(told.numPassedTests), failed: Number(told.numFailedTests) + broken };
  } catch {
    return code === 0 ? { passed: 0, failed: 0 } : failure;
  }
}

/** The programs of integration tests, built at most once for the machine; the sentence why not, else nothing. */
async function makePrograms(): Promise<string | undefined> {
  try {
    await findBinaries(console.log);
    await findHelm(console.log);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

async function integration(programs: Promise<string | undefined>): Promise<Outcome> {
  const missing = await programs;
  if (missing === undefined) return jest("integration", ["test/integration/"], ["--runInBand"]);
  console.log(`\nFAIL integration: ${missing}`);
  return failure;
}

/** What a real database needs: program → Debian package. */
const database = {
  mariadbd: "mariadb-server",
  "mariadb-install-db": "mariadb-server",
  "mariadb-backup": "mariadb-backup",
};

/** Runs a suite once the machine is prepared for it. One that cannot be is told so in a sentence, and nothing is counted. */
async function where(name: string, prepared: Promise<void>, suite: () => Promise<Outcome>): Promise<Outcome> {
  const why = await prepared.then(
    () => undefined,
    (error: Error) => error,
  );
  if (why === undefined) return suite();
  const cannot = why instanceof NotHereError;
  console.log(`\n${cannot ? "not run on this machine:" : "FAIL"} ${name}: ${why.message}`);
  return cannot ? { passed: 0, failed: 0 } : failure;
}

const simulatedNodes = (): Promise<Outcome> =>
  where("simulated nodes", installPackages(missingPackages(database), console.log), () =>
    jest("simulated nodes", ["test/simulated-node/"], ["--runInBand"]),
  );

/** One conversion on real pods. */
async function endToEnd(): Promise<Outcome> {
  console.log("\n── end to end, short");
  const script = join(root, "scripts/e2e.ts");
  const { code, said } = await run(process.execPath, [script, "--short"], "collect");
  console.log(said);
  const told = /^(\d+) passed, (\d+) failed/m.exec(said);
  const counted = { passed: Number(told?.[1] ?? 0), failed: Number(told?.[2] ?? 1) };
  return code === 0 ? counted : { ...counted, failed: Math.max(1, counted.failed) };
}

async function everything(): Promise<readonly Outcome[]> {
  const bin = (name: string) => join(root, "node_modules/.bin", name);
  const programs = makePrograms();
  const cluster = programs.then(() => prepareCluster(console.log));
  cluster.catch(() => {});
  return [
    await check("types", bin("tsc"), ["--noEmit"]),
    await check("lint and format", bin("biome"), ["check", "."]),
    await check("generated files are up to date", process.execPath, [
      join(root, "scripts/generate.ts"),
      "--check",
    ]),
    await jest("unit and house rules", ["test/unit/", "test/tidy.test.ts"]),
    await jest("simulation", ["test/simulation/"]),
    await integration(programs),
    await simulatedNodes(),
    await where("end to end, short", cluster, endToEnd),
  ];
}

async function chosen(): Promise<readonly Outcome[]> {
  if (filters.some((filter) => /integration|e2e/.test(filter))) {
    const missing = await makePrograms();
    if (missing !== undefined) console.log(missing);
  }
  const paths = filters.map((filter) => join(root, "test", `.*${filter.replace(/^test\//, "")}`));
  return [await jest("chosen", paths)];
}

const outcomes = await (filters.length > 0 ? chosen() : everything());
rmSync(report, { recursive: true, force: true });
const sum = outcomes.reduce((a, b) => ({ passed: a.passed + b.passed, failed: a.failed + b.failed }));
console.log(`\n${sum.passed} passed, ${sum.failed} failed`);
process.exit(sum.failed === 0 && sum.passed > 0 ? 0 : 1);
