/** House rules as a test: directions of imports, banned names, file length, no barrels, no classes but errors, no cycles. */

import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, test } from "@jest/globals";

const root = resolve(import.meta.dirname, "..");

function filesBelow(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) return filesBelow(path);
    return name.endsWith(".ts") ? [path] : [];
  });
}

type Source = { path: string; text: string; imports: { target: string; typeOnly: boolean }[] };

const importPattern = /^(import|export)\s+(type\s+)?[^;]*?from\s+"([^"]+)"|^import\s+"([^"]+)"/gm;

function importsOf(text: string): { target: string; typeOnly: boolean }[] {
  return [...text.matchAll(importPattern)].map((match) => ({
    target: match[3] ?? match[4] ?? "",
    typeOnly: match[2] !== undefined,
  }));
}

const sources: Source[] = ["src", "simulator", "local", "scripts"]
  .flatMap((room) => filesBelow(join(root, room)))
  .map((path) => {
    const text = readFileSync(path, "utf8");
    return { path: relative(root, path), text, imports: importsOf(text) };
  });

const roomOf = (path: string): string =>
  path.startsWith("src/") ? (path.split("/")[1] ?? "") : (path.split("/")[0] ?? "");

/** Which rooms a room of src may import from. Files directly in src (main, settings) are rooms of their own. */
const allowed: Record<string, readonly string[]> = {
  crds: ["crds"],
  topology: ["topology", "crds"],
  ini: ["ini", "topology", "crds"],
  tungsten: ["tungsten", "topology", "crds"],
  manifests: ["manifests", "topology", "ini", "crds"],
  procedures: ["procedures", "crds", "topology", "ini", "tungsten", "manifests"],
  controllers: [
    "controllers",
    "procedures",
    "crds",
    "topology",
    "ini",
    "tungsten",
    "manifests",
    "kube",
    "telemetry",
    "settings.ts",
  ],
  kube: ["kube", "controllers/shell.ts", "settings.ts", "telemetry"],
  cli: ["cli", "manifests", "topology", "crds", "runner"],
  telemetry: ["telemetry", "controllers/shell.ts", "settings.ts"],
  "settings.ts": [],
};

const pureRooms = ["crds", "topology", "ini", "tungsten", "manifests", "procedures"];
const pureLibraries = ["zod", "ini"];

const targetOf = (source: Source, target: string): string =>
  relative(root, resolve(root, dirname(source.path), target));

describe("rooms", () => {
  test("imports follow the directions of the design", () => {
    const wrong: string[] = [];
    for (const source of sources.filter((each) => each.path.startsWith("src/"))) {
      const may = allowed[roomOf(source.path)];
      if (may === undefined) continue;
      for (const { target } of source.imports.filter((each) => each.target.startsWith("."))) {
        const path = targetOf(source, target).replace(/^src\//, "");
        if (!may.some((room) => path === room || path.startsWith(`${room}/`)))
          wrong.push(`${source.path} imports ${path}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  test("pure rooms touch no input, output, clock, chance or environment", () => {
    const wrong: string[] = [];
    for (const source of sources.filter(
      (each) => each.path.startsWith("src/") && pureRooms.includes(roomOf(each.path)),
    )) {
      for (const { target, typeOnly } of source.imports.filter((each) => !each.target.startsWith(".")))
        if (!typeOnly && !pureLibraries.includes(target)) wrong.push(`${source.path} imports ${target}`);
      for (const word of [
        "Date.now(",
        "new Date()",
        "Math.random",
        "process.",
        "console.",
        "setTimeout",
        "fetch(",
      ])
        if (source.text.includes(word)) wrong.push(`${source.path} says ${word}`);
    }
    expect(wrong).toEqual([]);
  });

  test("the simulator and the sources do not know each other", () => {
    const crossing = sources.flatMap((source) =>
      source.imports
        .filter(({ target }) => target.startsWith("."))
        .map(({ target }) => [source.path, targetOf(source, target)] as const)
        .filter(
          ([from, to]) =>
            (from.startsWith("simulator/") && to.startsWith("src/")) ||
            (from.startsWith("src/") && !to.startsWith("src/")),
        )
        .map(([from, to]) => `${from} imports ${to}`),
    );
    expect(crossing).toEqual([]);
  });

  test("only kube and main import the Kubernetes client", () => {
    const users = sources.filter((source) =>
      source.imports.some(({ target }) => target.startsWith("@kubernetes/client-node")),
    );
    const wrong = users.filter(
      ({ path }) => path.startsWith("src/") && !path.startsWith("src/kube/") && path !== "src/main.ts",
    );
    expect(wrong.map(({ path }) => path)).toEqual([]);
  });

  test("there are no import cycles", () => {
    const graph = new Map(
      sources.map((source) => [
        source.path,
        source.imports
          .filter(({ target, typeOnly }) => target.startsWith(".") && !typeOnly)
          .map(({ target }) => targetOf(source, target)),
      ]),
    );
    const cycles: string[] = [];
    const state = new Map<string, "open" | "closed">();
    const visit = (path: string, trail: string[]): void => {
      if (state.get(path) === "closed") return;
      if (state.get(path) === "open") {
        cycles.push([...trail.slice(trail.indexOf(path)), path].join(" → "));
        return;
      }
      state.set(path, "open");
      for (const next of graph.get(path) ?? []) visit(next, [...trail, path]);
      state.set(path, "closed");
    };
    for (const path of graph.keys()) visit(path, []);
    expect(cycles).toEqual([]);
  });
});

describe("files", () => {
  test("no file is longer than 400 lines", () => {
    const long = sources.filter(
      ({ path, text }) => !path.endsWith("-data.ts") && text.split("\n").length > 401,
    );
    expect(long.map(({ path }) => path)).toEqual([]);
  });

  test("no room or file has a name that says nothing", () => {
    const banned = /(^|[/.-])(utils?|helpers?|common|misc|lib|shared)([/.-]|$)/;
    expect(sources.filter(({ path }) => banned.test(path)).map(({ path }) => path)).toEqual([]);
  });

  test("no barrels, and no classes but errors", () => {
    const barrels = sources.filter(
      ({ path, text }) => path.endsWith("/index.ts") || /^export \*/m.test(text),
    );
    const classes = sources.filter(({ text }) =>
      /^\s*(export )?(abstract )?class (?!\w*Error\b)/m.test(text),
    );
    expect([...barrels, ...classes].map(({ path }) => path)).toEqual([]);
  });

  test("every file opens by saying what lives in it", () => {
    const mute = sources.filter(({ text }) => !/^(#!.*\n)?\s*(\/\*\*|\/\/)/.test(text));
    expect(mute.map(({ path }) => path)).toEqual([]);
  });
});

describe("the rules themselves have teeth", () => {
  test.each([
    ['import { x } from "../kube/rest.ts";', [{ target: "../kube/rest.ts", typeOnly: false }]],
    ['import type { x } from "pino";', [{ target: "pino", typeOnly: true }]],
    ['import {\n  a,\n  b,\n} from "./a.ts";', [{ target: "./a.ts", typeOnly: false }]],
    ['export { x } from "./b.ts";', [{ target: "./b.ts", typeOnly: false }]],
    ['import "node:fs";', [{ target: "node:fs", typeOnly: false }]],
  ])("finds the import in %j", (text, found) => {
    expect(importsOf(text)).toEqual(found);
  });
});
