/** Helm and Argo CD, as people run them: from PATH at a supported version, else built once from Go modules into the cache. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { cachedOrBuilt, type Recipe, type Report } from "./binaries.ts";

const run = promisify(execFile);

const helm: Recipe = {
  module: "helm",
  target: "helm.sh/helm/v4/cmd/helm",
  flags: "-s -w -X helm.sh/helm/v4/internal/version.version=v4.3.1",
};
const argocd: Recipe = {
  module: "argocd",
  target: "github.com/argoproj/argo-cd/v3/cmd",
  flags: "-s -w -X github.com/argoproj/argo-cd/v3/common.version=3.2.11",
};

/** The path of a helm 4; earlier ones word their refusals otherwise. Building it takes some five minutes, once. */
export const findHelm = async (report: Report): Promise<string> =>
  (await onPath("helm", ["version", "--short"], /^v4\./)) ?? cachedOrBuilt("helm", helm, ["helm"], report);

/**
 * The path of Argo CD's one binary; its role is chosen by ARGOCD_BINARY_NAME, or by the name it is called by. The
 * installed `argocd` of a workstation is that binary too. Building it takes some seven minutes, once.
 */
export const findArgocd = async (report: Report): Promise<string> =>
  (await onPath("argocd", ["version", "--client", "--short"], /v3\.[2-9]\./)) ??
  cachedOrBuilt("argocd", argocd, ["argocd"], report);

/** The first program of that name on PATH that tells such a version. */
async function onPath(name: string, args: readonly string[], version: RegExp): Promise<string | undefined> {
  for (const folder of (process.env.PATH ?? "").split(":").filter((each) => each !== "")) {
    const path = join(folder, name);
    if (!existsSync(path)) continue;
    const told = await run(path, args, { timeout: 10_000 }).catch(() => ({ stdout: "" }));
    if (version.test(told.stdout)) return path;
  }
  return undefined;
}
