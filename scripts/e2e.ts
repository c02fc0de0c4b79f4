/**
 * The end-to-end tests on real pods. First what takes long once (programs, root file system) is made, then the suite runs,
 * 25 minutes at most. `--short` runs one conversion of two small sites; other arguments are parts of test paths, with more time.
 * E2E_PROVIDER=kind or node chooses the cluster; without it kind is taken where Docker answers.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { prepareCluster, removeRemains } from "../local/cluster.ts";
import { installPackages, missingPackages } from "../local/debian.ts";
import { findArgocd, findHelm } from "../local/tools.ts";

const root = resolve(import.meta.dirname, "..");
/** Of test/e2e, what runs on real pods. Argo CD's test has a stand-in for nodes: ask for it by name. */
const onPods = ["conversion", "node", "harness"];
const short = process.argv.includes("--short");
const filters = process.argv.slice(2).filter((argument) => !argument.startsWith("--"));
/** Each story that is asked for by name has limits of its own; all of one file together take up to an hour. */
const limitMinutes = filters.length === 0 ? 25 : 25 + 50 * filters.length;
const started = Date.now();
const say = (line: string): void =>
  console.log(`${String(Math.round((Date.now() - started) / 1000)).padStart(5)} s  ${line}`);

/** Runs jest over the chosen files; its end, or the limit's. */
async function runJest(report: string): Promise<void> {
  const chosen = filters.length > 0 ? filters : short ? ["conversion"] : onPods;
  const paths = chosen.map((filter) => join(root, "test/e2e", `.*${filter.replace(/^.*e2e\//, "")}`));
  const jest = ["--experimental-vm-modules", join(root, "node_modules/jest/bin/jest.js")];
  const options = [
    "--runInBand",
    "--verbose",
    "--json",
    `--outputFile=${report}`,
    "--testPathPatterns",
    ...paths,
  ];
  const ends = Date.now() + limitMinutes * 60_000;
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", ...jest, ...options], {
    cwd: root,
    stdio: ["ignore", "ignore", "inherit"],
    env: { ...process.env, E2E_ENDS_AT: String(ends), ...(short && { E2E_FORM: "short" }) },
  });
  const limit = setTimeout(() => {
    say(`ended after ${limitMinutes} minutes, the limit`);
    child.kill();
  }, ends - Date.now());
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => child.kill());
  await new Promise((done) => child.on("exit", done));
  clearTimeout(limit);
}

/** One line at the end, as `npm test` has it. */
function outcome(report: string): number {
  try {
    const { numPassedTests, numFailedTests, numRuntimeErrorTestSuites } = JSON.parse(
      readFileSync(report, "utf8"),
    );
    const failed = Number(numFailedTests) + Number(numRuntimeErrorTestSuites);
    console.log(`\n${numPassedTests} passed, ${failed} failed`);
    return failed === 0 && Number(numPassedTests) > 0 ? 0 : 1;
  } catch {
    console.log("\n0 passed, 1 failed: the suite did not come to its end");
    return 1;
  }
}

const folder = mkdtempSync(join(tmpdir(), "tungsten-operator-e2e-"));
let code = 1;
try {
  await prepareCluster(say);
  await findHelm(say);
  if (filters.some((filter) => filter.includes("argocd"))) {
    await installPackages(missingPackages({ "redis-server": "redis-server" }), say);
    await findArgocd(say);
  }
  say("everything is there; the suite begins");
  await runJest(join(folder, "report.json"));
  code = outcome(join(folder, "report.json"));
} catch (error) {
  say(`failed: ${(error as Error).message}`);
} finally {
  await removeRemains();
  rmSync(folder, { recursive: true, force: true });
}
process.exit(code);
