/**
 * The whole test command: types, lint, generated files, then unit, simulation and integration tests. Ends with one line
 * `N passed, N failed`. With arguments, runs only the test files whose path contains one of them.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "..");
const filters = process.argv.slice(2);
const report = mkdtempSync(join(tmpdir(), "tungsten-operator-test-"));

type Outcome = { passed: number; failed: number };

function check(name: string, command: string, args: readonly string[]): Outcome {
  const ran = spawnSync(command, args, { cwd: root, encoding: "utf8" });
  if (ran.status === 0) {
    console.log(`ok   ${name}`);
    return { passed: 1, failed: 0 };
  }
  console.log(`FAIL ${name}\n${ran.stdout ?? ""}${ran.stderr ?? ""}${ran.error ? String(ran.error) : ""}`);
  return { passed: 0, failed: 1 };
}

function jest(name: string, paths: readonly string[], more: readonly string[] = []): Outcome {
  const file = join(report, `${name}.json`);
  const args = [
    "--disable-warning=ExperimentalWarning",
    "--experimental-vm-modules",
    join(root, "node_modules/jest/bin/jest.js"),
  ];
  console.log(`\n── ${name}`);
  const ran = spawnSync(
    process.execPath,
    [...args, "--json", `--outputFile=${file}`, ...more, "--testPathPatterns", ...paths],
    {
      cwd: root,
      stdio: ["ignore", "ignore", "inherit"],
    },
  );
  try {
    const told = JSON.parse(readFileSync(file, "utf8"));
    const broken = Number(told.numRuntimeErrorTestSuites);
    return { passed: Number(told.numPassedTests), failed: Number(told.numFailedTests) + broken };
  } catch {
    return { passed: 0, failed: ran.status === 0 ? 0 : 1 };
  }
}

const bin = (name: string) => join(root, "node_modules/.bin", name);
const outcomes: Outcome[] =
  filters.length > 0
    ? [
        jest(
          "chosen",
          filters.map((filter) => join(root, "test", `.*${filter.replace(/^test\//, "")}`)),
        ),
      ]
    : [
        check("types", bin("tsc"), ["--noEmit"]),
        check("lint and format", bin("biome"), ["check", "."]),
        check("generated files are up to date", process.execPath, [
          join(root, "scripts/generate.ts"),
          "--check",
        ]),
        jest("unit and house rules", ["test/unit/", "test/tidy.test.ts"]),
        jest("simulation", ["test/simulation/"]),
        jest("simulated nodes", ["test/simulated-node/"]),
        jest("integration", ["test/integration/"], ["--runInBand"]),
      ];
rmSync(report, { recursive: true, force: true });
const sum = outcomes.reduce((a, b) => ({ passed: a.passed + b.passed, failed: a.failed + b.failed }));
console.log(`\n${sum.passed} passed, ${sum.failed} failed`);
process.exit(sum.failed === 0 && sum.passed > 0 ? 0 : 1);
