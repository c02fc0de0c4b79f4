/**
 * Which options a user may set. tpm ignores an unknown key in silence, so a slip in a rendered file would be invisible:
 * only this check finds it (tungsten-observed §2.3).
 */
import { optionLines } from "./option-catalogue-data.ts";

type OptionKind = "boolean" | "integer" | "path" | "text";
export type TpmOption = { readonly name: string; readonly kind: OptionKind; readonly perService: boolean };

const byName = new Map<string, TpmOption>();
for (const line of optionLines) {
  const [name = "", kind = "text", scope = "", aliases = ""] = line.split(" ");
  const option: TpmOption = { name, kind: kind as OptionKind, perService: scope.startsWith("dataservice") };
  for (const word of [name, ...aliases.split(",")]) if (word !== "") byName.set(word, option);
}
for (const name of [
  "property",
  "skip-validation-check",
  "skip-validation-warnings",
  "enable-validation-check",
  "remove-property",
])
  byName.set(name, { name, kind: "text", perService: false });

/** Rendered by the operator from other fields of the spec: a second value would fight it. */
const owned: ReadonlyMap<string, string> = new Map([
  ["topology", "the CompositeService and CrossSiteLinks decide it"],
  ["master", "the live primary decides it"],
  ["members", "set spec.nodes"],
  ["connectors", "set spec.nodes"],
  ["slaves", "set spec.nodes"],
  ["witnesses", "set spec.witness"],
  ["relay-source", "the CompositeService decides it"],
  ["target-dataservice", "CrossSiteLinks decide it"],
  ["composite-datasources", "the CompositeService decides it"],
  ["user", "the node image decides it"],
  ["install-directory", "the node contract fixes it"],
  ["replication-user", "set spec.credentials.replication"],
  ["replication-password", "set spec.credentials.replication"],
  ["replication-port", "set spec.mysql.port"],
  ["application-user", "set spec.credentials.application"],
  ["application-password", "set spec.credentials.application"],
  ["application-port", "set spec.connector.port"],
  ["start-and-report", "the operator starts components itself"],
  ["start", "the operator starts components itself"],
  ["enable-sudo-access", "pods have no sudo"],
  ["rest-api-admin-user", "it is generated"],
  ["rest-api-admin-pass", "it is generated"],
]);

export const optionNamed = (key: string): TpmOption | undefined => byName.get(key.replaceAll("_", "-"));

/** One sentence for each option that may not stand at `path`, e.g. `spec.options`: field path, value, what to do. */
export function optionFaults(options: Readonly<Record<string, string>>, path: string): readonly string[] {
  return Object.entries(options).flatMap(([key, value]) => {
    const where = `${path}.${key}`;
    const option = optionNamed(key);
    if (option === undefined) {
      const near = nearest(key);
      return [
        `${where}: tpm knows no option «${key}» and would ignore it in silence; ${near === undefined ? "remove it" : `did you mean ${near}?`}`,
      ];
    }
    const reason = owned.get(option.name);
    if (reason !== undefined) return [`${where}: «${key}» is rendered by the operator; ${reason}`];
    const fault = valueFault(option, value);
    return fault === undefined ? [] : [`${where}: ${fault}`];
  });
}

function valueFault(option: TpmOption, value: string): string | undefined {
  if (option.kind === "boolean" && value !== "true" && value !== "false")
    return `«${value}» is no boolean tpm reads safely (it takes "on" for false); write true or false`;
  if (option.kind === "integer" && !/^-?\d+$/.test(value))
    return `«${value}» is no whole number; write digits only`;
  if (option.kind === "path" && !/^[/~]/.test(value))
    return `«${value}» is no absolute path; begin it with /`;
  if (/^\s|\s$|[\r\n]|\s[#;]|\\$/.test(value))
    return `«${value}» would be damaged by the ini syntax; remove outer blanks, line breaks and " #" or " ;"`;
  return undefined;
}

/** The known name with the smallest edit distance, if it is at most 3. */
function nearest(key: string): string | undefined {
  let best: string | undefined;
  let least = 4;
  for (const name of byName.keys()) {
    if (Math.abs(name.length - key.length) >= least) continue;
    const distance = editDistance(key, name);
    if (distance < least) [best, least] = [name, distance];
  }
  return best;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const substituted = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substituted, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
