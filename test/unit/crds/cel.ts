/**
 * A stand-in for the API server's rules, for tests only: the few forms of CEL our rules use, turned into functions. What
 * the server itself makes of them is asked in test/integration.
 */

const path = /\b(self|oldSelf)((?:\.\w+)+)\b(?!\()/g;

/** Throws on a form that is not known here, so that a new rule cannot pass untested. */
export function celFunction(rule: string): (self: unknown, oldSelf?: unknown) => boolean {
  const script = rule
    .replace(/([!=])=/g, "$1==")
    .replace(/\bhas\(([\w.]+)\)/g, "($1 !== undefined)")
    .replace(/\.exists\((\w+), ([^()]+)\)/g, ".some(($1) => $2)")
    .replace(/\.contains\(/g, ".includes(")
    .replace(/\btimestamp\(/g, "Date.parse(")
    .replace(/\bsize\(([\w.]+)\)/g, "$1.length")
    .replace(path, (_, root: string, rest: string) => root + rest.replaceAll(".", "?."));
  const calls = script.replace(/'[^']*'/g, "").match(/\b[a-zA-Z]+\(/g) ?? [];
  const strange = calls.filter((call) => !["some(", "includes(", "parse("].includes(call));
  if (strange.length > 0) throw new Error(`the tests do not know ${strange.join(" ")} of rule ${rule}`);
  return new Function("self", "oldSelf", `return ${script};`) as (
    self: unknown,
    oldSelf?: unknown,
  ) => boolean;
}
