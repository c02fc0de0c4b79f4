/** Helm and Argo CD, as people run them: from PATH at a supported version, else built once from Go modules into the cache. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { cachedOrBuilt, type Recipe, type Report } from "./binaries.ts";

const run = promisify(execFile);
const helmVersion = "4.3.1";
const argocdVersion = "3.2.11";

const helm: Recipe = {
  module: "helm",
  target: "helm.sh/helm/v4/cmd/helm",
  flags: `-s -w -X helm.sh/helm/v4/internal/version.version=v${helmVersion}`,
};
const argocd: Recipe = {
  module: "argocd",
  target: "github.com/argoproj/argo-cd/v3/cmd",
  flags: `-s -w -X github.com/argoproj/argo-cd/v3/common.version=${argocdVersion}`,
};

/** The path of a helm 3.17 or later. Building it takes some five minutes, once. */
export const findHelm = async (report: Report): Promise<string> =>
  (await says("helm", ["version", "--short"], /^v(3\.(1[7-9]|[2-9]\d)|4)\./))
    ? "helm"
    : cachedOrBuilt("helm", helm, ["helm"], report);

/**
 * The path of Argo CD's one binary; its role is chosen by ARGOCD_BINARY_NAME, or by the name it is called by. The
 * installed `argocd` of a workstation is that binary too. Building it takes some seven minutes, once.
 */
export const findArgocd = async (report: Report): Promise<string> =>
  (await says("argocd", ["version", "--client", "--short"], /v3\.[2-9]\./))
    ? "argocd"
    : cachedOrBuilt("argocd", argocd, ["argocd"], report);

async function says(command: string, args: readonly string[], version: RegExp): Promise<boolean> {
  try {
    return version.test((await run(command, args, { timeout: 10_000 })).stdout);
  } catch {
    return false;
  }
}
