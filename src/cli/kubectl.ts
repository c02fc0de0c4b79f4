/** The user's own kubectl, with the user's own rights: how the plugin reaches a cluster. */
import { spawn } from "node:child_process";

export type Ran = { readonly code: number; readonly stdout: string; readonly stderr: string };
export type Kubectl = (args: readonly string[], stdin?: string) => Promise<Ran>;

/** Which cluster and namespace, in kubectl's own words. */
export type Target = { readonly namespace?: string; readonly context?: string; readonly kubeconfig?: string };

const targetWords = ({ namespace, context, kubeconfig }: Target): readonly string[] => [
  ...(namespace === undefined ? [] : ["--namespace", namespace]),
  ...(context === undefined ? [] : ["--context", context]),
  ...(kubeconfig === undefined ? [] : ["--kubeconfig", kubeconfig]),
];

/** Runs kubectl to its end. A kubectl that is not installed is exit code 127, as in a shell. */
export const kubectlFor =
  (target: Target): Kubectl =>
  (args, stdin = "") =>
    new Promise((done) => {
      const child = spawn("kubectl", [...targetWords(target), ...args]);
      const told = { stdout: "", stderr: "" };
      for (const name of ["stdout", "stderr"] as const)
        child[name].on("data", (data) => {
          told[name] += data;
        });
      child.once("error", (error) => done({ code: 127, stdout: "", stderr: `kubectl: ${error.message}` }));
      child.once("close", (code) => done({ code: code ?? 1, ...told }));
      child.stdin.on("error", () => {});
      child.stdin.end(stdin);
    });
