/**
 * Finds or builds etcd, kube-apiserver, kube-controller-manager and kubectl: KUBEBUILDER_ASSETS, then PATH at a supported
 * version, then a cache outside the checkout filled once from Go modules.
 */
import { execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { goCalled } from "./go.ts";

const run = promisify(execFile);
const root = resolve(import.meta.dirname, "..");
const kubernetesVersion = "1.34.4";

export type Binaries = {
  readonly etcd: string;
  readonly "kube-apiserver": string;
  readonly "kube-controller-manager": string;
  readonly kubectl: string;
};
type Name = keyof Binaries;
export type Report = (line: string) => void;

/** A Go module of `build/`, the package in it, and the linker's flags. */
export type Recipe = { readonly module: string; readonly target: string; readonly flags: string };

/** The linker's flags of every Kubernetes program: without a version the API server calls itself a development build. */
export const kubernetesFlags = (): string => {
  const [major, minor] = kubernetesVersion.split(".");
  const set = (what: string, value: string) =>
    `-X k8s.io/component-base/version.${what}=${value} -X k8s.io/client-go/pkg/version.${what}=${value}`;
  return [
    "-s -w",
    set("gitVersion", `v${kubernetesVersion}`),
    set("gitMajor", major ?? ""),
    set("gitMinor", minor ?? ""),
  ].join(" ");
};

const recipes: Readonly<Record<Name, Recipe>> = {
  etcd: { module: "etcd", target: "go.etcd.io/etcd/server/v3", flags: "-s -w" },
  "kube-apiserver": {
    module: "kubernetes",
    target: "k8s.io/kubernetes/cmd/kube-apiserver",
    flags: kubernetesFlags(),
  },
  "kube-controller-manager": {
    module: "kubernetes",
    target: "k8s.io/kubernetes/cmd/kube-controller-manager",
    flags: kubernetesFlags(),
  },
  kubectl: { module: "kubernetes", target: "k8s.io/kubernetes/cmd/kubectl", flags: kubernetesFlags() },
};
const names = Object.keys(recipes) as Name[];

/** All four, each from the first place that has it. */
export async function findBinaries(report: Report): Promise<Binaries> {
  const found: Partial<Record<Name, string>> = {};
  for (const name of names)
    found[name] =
      (await given(name)) ?? (await cachedOrBuilt(name, recipes[name], ["kubernetes", "etcd"], report));
  return found as Binaries;
}

/** What somebody already has, if its version is one we know to work. */
async function given(name: Name): Promise<string | undefined> {
  const folders = [process.env.KUBEBUILDER_ASSETS ?? "", ...(process.env.PATH ?? "").split(":")].filter(
    (folder) => folder !== "",
  );
  for (const folder of folders) {
    const path = join(folder, name);
    if (existsSync(path) && (await isSupported(name, path))) return path;
  }
  return undefined;
}

async function isSupported(name: Name, path: string): Promise<boolean> {
  try {
    const args = name === "kubectl" ? ["version", "--client"] : ["--version"];
    const { stdout } = await run(path, args, { timeout: 10_000 });
    return name === "etcd" ? /etcd Version: 3\.[56]\./.test(stdout) : /v1\.3[4-6]\./.test(stdout);
  } catch {
    return false;
  }
}

/** Where what is made once is kept: outside the checkout, as the XDG convention has it. */
export const cacheRoot = (): string =>
  join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "tungsten-operator");

function cacheFolder(modules: readonly string[]): string {
  const hash = createHash("sha256");
  for (const module of modules) {
    const folder = join(root, "build", module);
    for (const file of readdirSync(folder).sort())
      if (/^go\.(mod|sum)$|\.go$/.test(file)) hash.update(readFileSync(join(folder, file)));
  }
  return join(cacheRoot(), hash.digest("hex").slice(0, 16));
}

/** The program from the cache, built into it first if need be. The folder's key is the content of `modules`. */
export async function cachedOrBuilt(
  name: string,
  recipe: Recipe,
  modules: readonly string[],
  report: Report,
): Promise<string> {
  const folder = cacheFolder(modules);
  const path = join(folder, name);
  if (existsSync(path)) return path;
  mkdirSync(folder, { recursive: true });
  const unlock = await lock(join(folder, `${name}.lock`));
  try {
    if (!existsSync(path)) await build(name, recipe, path, report);
  } finally {
    unlock();
  }
  return path;
}

async function build(
  name: string,
  { module, target, flags }: Recipe,
  path: string,
  report: Report,
): Promise<void> {
  const made = `${path}.${process.pid}`;
  const place = { modules: join(root, "build"), module, output: made, cache: join(cacheRoot(), "go") };
  const words = ["build", "-trimpath", "-ldflags", flags, "-o", made, target];
  const go = await goCalled(name, place, words);
  report(
    `building ${name} from Go modules, once${name === "kube-apiserver" ? " (this one takes minutes)" : ""} …`,
  );
  const started = Date.now();
  await new Promise<void>((done, fail) => {
    const child = spawn("nice", ["-n", "10", go.program, ...go.words], {
      cwd: go.cwd,
      env: { ...process.env, CGO_ENABLED: "0" },
      stdio: ["ignore", "ignore", "pipe"],
    });
    let said = "";
    child.stderr.on("data", (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-4000);
    });
    child.on("error", fail);
    child.on("exit", (code) => (code === 0 ? done() : fail(new Error(`building ${name} failed:\n${said}`))));
  });
  renameSync(made, path);
  report(`built ${name} in ${Math.round((Date.now() - started) / 1000)} s`);
}

/** One at a time: a folder as lock, with its owner's pid inside; a dead owner's lock is taken over. */
export async function lock(folder: string): Promise<() => void> {
  for (;;) {
    try {
      mkdirSync(folder);
      writeFileSync(join(folder, "pid"), String(process.pid));
      return () => rmSync(folder, { recursive: true, force: true });
    } catch {
      if (isStale(folder)) rmSync(folder, { recursive: true, force: true });
      else await new Promise((wake) => setTimeout(wake, 500));
    }
  }
}

function isStale(folder: string): boolean {
  try {
    const pid = Number(readFileSync(join(folder, "pid"), "utf8"));
    process.kill(pid, 0);
    return false;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return true;
    try {
      return Date.now() - statSync(folder).mtimeMs > 10_000 && !existsSync(join(folder, "pid"));
    } catch {
      return false;
    }
  }
}
