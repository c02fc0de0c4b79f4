/**
 * Which options a user may set. tpm ignores an unknown key in silence, so a slip in a rendered file would be invisible:
 * only this check finds it (tungsten-observed §2.3).
 */
import { valueDamage } from "./document.ts";
import { optionLines } from "./option-catalogue-data.ts";

export type TpmOption = {
  /** The name tpm's own definitions use; aliases lead here. */
  readonly name: string;
  /** See option-catalogue-data. */
  readonly kind: string;
  /** What it belongs to: host, dataservice, replication, manager or connector. */
  readonly scope: string;
  /** Counts only in a service's own section: in [defaults] tpm ignores it. */
  readonly perService: boolean;
};

const byName = new Map<string, TpmOption>();
for (const line of optionLines) {
  const [name = "", kind = "text", scope = "", aliases = ""] = line.split(" ");
  const option: TpmOption = {
    name,
    kind,
    scope: scope.replace(/[!+]$/, ""),
    perService: scope.endsWith("!"),
  };
  for (const word of [name, ...aliases.split(",")]) if (word !== "") byName.set(word, option);
}

/** Rendered by the operator from other fields of the spec: a second value would fight it. */
const owned: ReadonlyMap<string, string> = new Map([
  ["topology", "the CompositeService and CrossSiteLinks decide it"],
  ["master", "the live primary decides it"],
  ["members", "set spec.nodes"],
  ["connectors", "set spec.nodes"],
  ["slaves", "set spec.nodes"],
  ["witnesses", "set spec.witness"],
  ["enable-active-witnesses", "set spec.witness"],
  ["relay-source", "the CompositeService decides it"],
  ["target-dataservice", "CrossSiteLinks decide it"],
  ["composite-datasources", "the CompositeService decides it"],
  ["service-alias", "names of services are the operator's"],
  ["user", "the node image decides it"],
  ["host-name", "the pod's name decides it"],
  ["install-directory", "the node contract fixes it"],
  ["replication-user", "set spec.credentials.replication"],
  ["replication-password", "set spec.credentials.replication"],
  ["replication-port", "set spec.mysql.port"],
  ["application-user", "set spec.credentials.application"],
  ["application-password", "set spec.credentials.application"],
  ["application-port", "set spec.connector.port"],
  ["enable-thl-ssl", "set spec.tls"],
  ["start-and-report", "the operator starts components itself"],
  ["start", "the operator starts components itself"],
  ["install", "pods have no boot scripts"],
  ["enable-sudo-access", "pods have no sudo"],
  ["rest-api-admin-user", "it is generated"],
  ["rest-api-admin-pass", "it is generated"],
]);

/** The spelling that is rendered: tpm takes "_" for "-". */
export const optionKey = (key: string): string => key.replaceAll("_", "-");

/** The option behind a key or an alias, "_" or "-"; undefined for a key that tpm would ignore in silence. */
export const optionNamed = (key: string): TpmOption | undefined => byName.get(optionKey(key));

/** One sentence for each option that may not stand at `path`, e.g. `spec.options`: field path, value, what to do. */
export function optionFaults(options: Readonly<Record<string, string>>, path: string): readonly string[] {
  const keys = Object.keys(options);
  return Object.entries(options).flatMap(([key, value], index) => {
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
    const twin = keys.slice(0, index).find((other) => optionNamed(other)?.name === option.name);
    if (twin !== undefined)
      return [
        `${where}: «${key}» and «${twin}» are one option, of which tpm takes the last; remove one of them`,
      ];
    const fault = valueFault(option, value);
    return fault === undefined ? [] : [`${where}: ${fault}`];
  });
}

/** What a kind demands, and what to do about a value that does not meet it. */
const demands: Readonly<Record<string, readonly [pattern: RegExp, isNot: string, way: string]>> = {
  boolean: [
    /^(true|false)$/,
    'is no boolean tpm reads safely (it takes "on" for false)',
    "write true or false",
  ],
  integer: [/^-?\d+$/, "is no whole number", "write digits only"],
  path: [
    /^(\/[\w./-]+|~[\w./-]*)$/,
    "is no absolute path",
    "begin it with / and use letters, digits and _ . - /",
  ],
  word: [/^\w+$/, "is no single word", "use letters, digits and _"],
  host: [/^[\w.-]+$/, "is no host name", "use letters, digits, . and -"],
  list: [
    /^[^\s,]+(,[^\s,]+)*$/,
    "is no list tpm reads safely (it keeps blanks)",
    "separate by commas without blanks",
  ],
  setting: [/^[^\s=]+=/, "sets no property", "write name=value"],
};

function valueFault({ kind }: TpmOption, value: string): string | undefined {
  const damage = valueDamage(value);
  if (damage !== undefined) return `«${shown(value)}» ${damage}`;
  const demand = demands[kind];
  if (demand !== undefined) {
    const [pattern, isNot, way] = demand;
    return pattern.test(value) ? undefined : `«${shown(value)}» ${isNot}; ${way}`;
  }
  const words = kind.split("|");
  return kind === "text" || words.includes(value)
    ? undefined
    : `«${shown(value)}» is none of the values tpm knows; write ${words.join(", ")}`;
}

const shown = (value: string): string => value.slice(0, 60);

/** The known name with the fewest slips, if they are at most 3; in a short key fewer. */
function nearest(key: string): string | undefined {
  const word = optionKey(key).toLowerCase().slice(0, 80);
  let best: string | undefined;
  let most = Math.min(3, Math.ceil(word.length / 2) - 1);
  for (const name of byName.keys()) {
    const distance = slipsBetween(word, name, most);
    if (distance <= most) [best, most] = [name, distance - 1];
  }
  return best;
}

/**
 * How many letters must be put in, left out, replaced or swapped with the next one. Anything above `most` is only told as
 * more than that: cells so far from the diagonal are not looked at, and a hopeless word is left early.
 */
function slipsBetween(a: string, b: string, most: number): number {
  const far = most + 1;
  if (Math.abs(a.length - b.length) > most) return far;
  let older: number[] = [];
  let before = Array.from({ length: b.length + 1 }, (_, index) => index);
  let leastBefore = 0;
  for (let i = 1; i <= a.length; i += 1) {
    const row: number[] = i <= most ? [i] : [];
    let least = i <= most ? i : far;
    for (let j = Math.max(1, i - most); j <= Math.min(b.length, i + most); j += 1) {
      const replaced = (before[j - 1] ?? far) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? (older[j - 2] ?? far) + 1 : far;
      row[j] = Math.min(replaced, swapped, (before[j] ?? far) + 1, (row[j - 1] ?? far) + 1);
      least = Math.min(least, row[j] ?? far);
    }
    if (least > most && leastBefore >= most) return far;
    [older, before, leastBefore] = [before, row, least];
  }
  return before[b.length] ?? far;
}
