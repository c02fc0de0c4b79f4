/** The bundle and the image's recipe, and docs/operating/install.md against the program's settings. */
import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { runnerScript } from "../../../src/runner/script.ts";
import { settingsFrom } from "../../../src/settings.ts";
import { rowsOf } from "../docs/markdown.ts";

const run = promisify(execFile);
const root = resolve(import.meta.dirname, "../../..");
const text = (path: string): string => readFileSync(join(root, path), "utf8");
const own = ["AUTHORS_STAMPED", "HTTP_PORT", "POD_NAME", "POD_NAMESPACE", "WATCH_NAMESPACES"];

describe("the bundle", () => {
  const folder = mkdtempSync(join(tmpdir(), "tungsten-operator-bundle-"));
  const bundle = join(folder, "operator.mjs");
  beforeAll(() => run(process.execPath, [join(root, "scripts/build.ts"), bundle]));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const start = (env: Record<string, string>) =>
    run(process.execPath, [bundle], { cwd: folder, env, timeout: 20_000 }).then(
      () => "it ran to its end",
      ({ stderr }: { stderr: string }) => stderr,
    );

  test("is one file that runs where there is nothing else", async () => {
    expect(readdirSync(folder)).toEqual(["operator.mjs"]);
    expect(await start({ KUBECONFIG: join(folder, "none") })).toMatch(
      /no such file or directory, open '.*none'/,
    );
  });

  test("reads its settings first, and says what is wrong with each", async () => {
    const said = await start({ WORKERS: "many", WATCH_NAMESPACES: "good,Bad" });
    expect(said).toMatch(/WORKERS=«many»: .*; correct the environment variable or remove it/);
    expect(said).toMatch(/WATCH_NAMESPACES.*not the name of a namespace/);
  });

  test("holds of its libraries neither a generated API nor sentences in other languages", () => {
    const inside = readFileSync(bundle, "utf8");
    expect(inside).toContain("loadFromDefault");
    expect(inside).not.toMatch(/V1PodSpec|zod\/v4\/locales\/de/);
  });

  test("holds the runner, whole", () => {
    const inside = readFileSync(bundle, "utf8");
    // Lines that look the same in whatever kind of literal the bundler writes.
    const plain = runnerScript()
      .split("\n")
      .filter((line) => /^[\w ()=;:,.<>&|-]{12,}$/.test(line));
    expect(plain.length).toBeGreaterThan(50);
    expect(plain.filter((line) => !inside.includes(line))).toEqual([]);
  });
});

describe("the image", () => {
  const dockerfile = text("Dockerfile");

  test("takes any base, and runs the bundle as nobody in particular", () => {
    expect(dockerfile).toMatch(/^ARG BASE=\S+\nFROM \$\{BASE\}$/m);
    expect(dockerfile).toMatch(/^USER 65532:65532$/m);
    expect(dockerfile).toMatch(/^ENTRYPOINT \["node", .*"\/app\/operator\.mjs"\]$/m);
    expect(dockerfile).not.toMatch(/^RUN /m);
  });

  test("everything it copies is let through to the builder", () => {
    const copied = [...dockerfile.matchAll(/^COPY (\S+) /gm)].map((match) => `!${match[1]}`);
    expect(text(".dockerignore").trim().split("\n").sort()).toEqual(["*", ...copied].sort());
  });

  test("has the version of package.json, as the chart has", () => {
    const { version } = JSON.parse(text("package.json"));
    expect(dockerfile).toContain(`ARG VERSION=${version}`);
    expect(text("deploy/helm/tungsten-operator/Chart.yaml")).toContain(`\nappVersion: ${version}\n`);
  });
});

test("install.md lists every setting with its default, and no other", () => {
  const listed = rowsOf(text("docs/operating/install.md"))
    .filter(([name]) => name?.startsWith("`"))
    .flatMap(([names = "", defaults = ""]) =>
      names.split(", ").map((name, index) => [name.replaceAll("`", ""), defaults.split(", ")[index]]),
    );
  const settings = Object.entries(settingsFrom({})).filter(([name]) => !own.includes(name));
  expect(Object.fromEntries(listed)).toEqual(
    Object.fromEntries(settings.map(([name, value]) => [name, String(value)])),
  );
});
