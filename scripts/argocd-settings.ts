/** The lines of Argo CD's ConfigMap argocd-cm, made from the scripts in deploy/argocd. */
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { stringify } from "yaml";

const group = "tungsten-operator.io";

/** A patch of argocd-cm: health of each kind with a script, actions of each kind with a folder of them. */
export function argocdSettings(folder: string): string {
  const data: Record<string, string> = {};
  for (const file of readdirSync(join(folder, "health")).sort())
    data[`resource.customizations.health.${group}_${basename(file, ".lua")}`] = textOf(
      join(folder, "health", file),
    );
  for (const kind of readdirSync(join(folder, "actions")).sort())
    data[`resource.customizations.actions.${group}_${kind}`] = stringify(
      actionsOf(join(folder, "actions", kind)),
      { lineWidth: 0 },
    );
  const patch = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "argocd-cm" }, data };
  return `# Generated from deploy/argocd by \`npm run generate\`; do not edit.\n${stringify(patch, { lineWidth: 0 })}`;
}

const textOf = (path: string): string => readFileSync(path, "utf8");

function actionsOf(folder: string): object {
  const files = readdirSync(folder).sort();
  return {
    "discovery.lua": textOf(join(folder, "discovery.lua")),
    definitions: files
      .filter((file) => file !== "discovery.lua")
      .map((file) => ({ name: basename(file, ".lua"), "action.lua": textOf(join(folder, file)) })),
  };
}
