/** Commands of changes to one installed site: which words go to which tool on which node. Values come from pins and ledger only. */
import type { Node } from "../topology/estate.ts";
import { datasourceCommand, switchCommand } from "../tungsten/cctrl.ts";
import type { Command, Precheck, Product } from "../tungsten/invocation.ts";
import { tpmInstall, tpmPromoteConnector, tpmUpdate } from "../tungsten/tpm.ts";
import type { Effect, Run, Target } from "./procedure.ts";
import { takesWrites } from "./scopes.ts";

type Making = (target: Target, run: Run, attempt: number) => Effect;

const longSeconds = 1800;

export const safely = (on: Node, argv: readonly string[], more: Partial<Command> = {}): Effect => ({
  begin: { argv, deadlineSeconds: 60, repeat: "safe", ...more },
  on,
});

export const check = (...argv: readonly string[]): Precheck => ({ argv });

/** The release that runs: a change of configuration brings no other one. */
const releaseOf = (run: Run, target: Target): string =>
  run.pins.releases[target.site.name] ?? target.site.release;

/**
 * From the package of the release that runs, over the published ini. Connectors of the cluster product are left alone:
 * `promoteConnector` takes them over one by one. The script looks once more that the database has the role tpm will give it.
 */
export const updateKeepingConnectors =
  (product: Product, kind: string, passwords?: string): Making =>
  (target, run) =>
    safely(
      target.node,
      tpmUpdate(product, releaseOf(run, target), { keepConnectors: product === "cluster" }),
      {
        deadlineSeconds: longSeconds,
        prechecks: [
          check("no-tpm"),
          check("ini-is", run.pins.iniSha256[kind] ?? "unknown"),
          ...(passwords === undefined ? [] : [check("passwords-are", passwords)]),
          ...(product === "cluster" ? [check("writable", takesWrites(run, target.node) ? "yes" : "no")] : []),
        ],
      },
    );

/** On a bare node, over the published ini; nothing is started by it. */
export const installFrom =
  (product: Product, kind: string): Making =>
  (target, run) =>
    safely(target.node, tpmInstall(product, releaseOf(run, target)), {
      deadlineSeconds: longSeconds,
      prechecks: [check("no-tpm"), check("ini-is", run.pins.iniSha256[kind] ?? "unknown")],
    });

export const promoteConnector: Making = (target) =>
  safely(target.node, tpmPromoteConnector, { deadlineSeconds: 300, prechecks: [check("no-tpm")] });

/** Said to the manager of the node it is about, or of another one while that one's is away. */
export const datasource =
  (verb: "shun" | "recover" | "online"): Making =>
  (target) => {
    const { argv, stdin } = datasourceCommand(target.node.name, [verb]);
    return safely(target.node, argv, {
      stdin,
      deadlineSeconds: 180,
      prechecks: [check("policy-is", "MAINTENANCE"), ...(verb === "shun" ? [check("writable", "no")] : [])],
    });
  };

/** Only of a node whose datasource is out: no client and no manager misses it. */
export const restartDataserver: Making = (target) =>
  safely(target.node, ["database", "restart"], {
    deadlineSeconds: longSeconds,
    prechecks: [check("policy-is", "MAINTENANCE"), check("shunned", target.node.name)],
  });

/** In order, before its pod goes. */
export const stopDataserver: Making = (target) =>
  safely(target.node, ["database", "stop"], {
    deadlineSeconds: longSeconds,
    prechecks: [check("policy-is", "MAINTENANCE"), check("shunned", target.node.name)],
  });

export const startDataserver: Making = (target) =>
  safely(target.node, ["database", "start"], { deadlineSeconds: longSeconds });

/** The target's node becomes the primary. The tool cannot say how it ended, it exits 0 either way: never begun again on a guess. */
export const switchTo: Making = ({ node, site }) => {
  const { argv, stdin } = switchCommand(node.name);
  return {
    begin: {
      argv,
      stdin,
      deadlineSeconds: 600,
      repeat: "once",
      prechecks: [
        check("policy-is", "MAINTENANCE"),
        check("state-is", "cluster", site.dataservice, "ONLINE"),
        check("writable", "no"),
      ],
    },
    on: node,
  };
};
