/**
 * What the runner admits: closed lists of queries, commands and checks, one line of the protocol each. Lower case is
 * literal, UPPER CASE names a pattern, `...` repeats it. The script has the same lists; a test holds them together.
 */

export const queryShapes: readonly string[] = [
  "trepctl PRODUCT services -full -json",
  "trepctl PRODUCT -service SERVICE clients -json",
  "trepctl PRODUCT -service SERVICE status -json",
  "trepctl PRODUCT -service SERVICE status",
  "dsctl PRODUCT -service SERVICE get",
  "thl PRODUCT -service SERVICE info",
  "thl PRODUCT -service SERVICE list -last -headers -json",
  "thl PRODUCT -service SERVICE list -seqno NUMBER -headers -json",
  "replicator PRODUCT status",
  "manager status",
  "connector status",
  "cctrl ls",
  "cctrl composite-ls SERVICE",
  "tpm PRODUCT query version",
  "tpm PRODUCT query staging",
  "properties SERVICE NAME...",
  "tpm-processes",
  "installed PRODUCT",
  "software",
  "sql read-only",
  "sql tracking SCHEMA",
  "sql heartbeat SCHEMA",
  "sql schemas",
  "sql server",
  "sql findings",
  "sql oldest-transaction",
  "sql logged-tracking NAME NUMBER",
  "sql binlog-position",
  "sql accounts",
  "sql shard-channels SCHEMA",
  "sql size",
  "sql readers",
  "sql belongings",
  "sql next-table start",
  "sql next-table after HEX HEX",
  "sql boundary HEX HEX ROWS SECONDS FROM",
  "sql chunk HEX HEX SECONDS FROM TO",
  "sql whole HEX HEX ROWS SECONDS",
  "files",
  "file NAME",
  "holds",
  "ini",
  "accounts-state",
  "my-cnf",
  "dataserver",
  "pod",
  "marker KEY",
  "clock",
  "space",
  "reach ENDPOINT...",
  "fingerprints NAME",
  "backup NAME",
  "database",
];

export const commandShapes: readonly string[] = [
  "cctrl",
  "cctrl -multi",
  "trepctl PRODUCT -service SERVICE offline-deferred -at-heartbeat NAME",
  "trepctl PRODUCT -service SERVICE online",
  "trepctl PRODUCT -service SERVICE online -force",
  "trepctl PRODUCT -service SERVICE online -until-heartbeat NAME",
  "trepctl PRODUCT -service SERVICE online -skip-seqno NUMBER",
  "trepctl PRODUCT -service SERVICE offline",
  "trepctl PRODUCT -service SERVICE reset -all -y",
  "trepctl PRODUCT -service SERVICE reset -thl -y",
  "trepctl PRODUCT -service SERVICE heartbeat -name NAME",
  "replicator PRODUCT start",
  "replicator PRODUCT stop",
  "replicator PRODUCT start-offline",
  "manager start",
  "manager stop",
  "connector start",
  "connector stop",
  "startall PRODUCT",
  "stopall PRODUCT",
  "tpm PRODUCT RELEASE validate",
  "tpm PRODUCT RELEASE install",
  "tpm PRODUCT RELEASE update --replace-release",
  "tpm PRODUCT RELEASE update --replace-release --no-connectors",
  "tpm cluster installed post-process -y",
  "tpm PRODUCT installed uninstall --i-am-sure",
  "tpm PRODUCT installed promote-connector",
  "tpm PRODUCT installed delete-service --i-am-sure",
  "tpm PRODUCT installed delete-service --i-am-sure --keep-position",
  "hold HOLD",
  "release HOLD",
  "keep-position SERVICE NAME",
  "keep-read-only NAME",
  "put-read-only NAME",
  "prep-upgrade RELEASE SERVICE offline",
  "prep-upgrade RELEASE SERVICE get NAME",
  "prep-upgrade RELEASE SERVICE dump NAME",
  "prep-upgrade RELEASE stop",
  "dump-schema SCHEMA NAME",
  "restore-schema NAME SHA256",
  "apply-sql NAME SHA256",
  "drop-schema CROSSING",
  "publish-ini SHA256",
  "accounts",
  "accounts change",
  "accounts map",
  "accounts settle",
  "backup NAME",
  "database start",
  "database stop",
  "database restart",
  "snapshot NAME",
  "copy-datadir MEMBER NAME",
  "tprovision -s MEMBER -m METHOD",
  "tprovision -s MEMBER -m METHOD -c",
  "tungsten_provision_slave --source MEMBER --xtrabackup",
  "tungsten_provision_slave --source MEMBER --mysqldump",
];

export const checkShapes: readonly string[] = [
  "policy-is POLICY",
  "file-is NAME SHA256",
  "no-tpm",
  "stopped PRODUCT",
  "writable YESNO",
  "tracking-is SCHEMA SEQNO EVENTID",
  "state-is PRODUCT SERVICE STATE",
  "armed PRODUCT SERVICE NAME",
  "error-is PRODUCT SERVICE epoch",
  "error-at PRODUCT SERVICE NUMBER",
  "ini-is SHA256",
  "secret-is NAME",
  "passwords-are NAME",
  "shunned HOST",
  "database-is DATABASE",
  "backup-is NAME SHA256",
  "no-tables",
  "no-table-files",
];

/** The primary key of a row, see the protocol's `sql boundary`. */
const column = "(n-?[0-9]+(\\.[0-9]+)?|[xb]([0-9a-f]{2})*)";
const cut = `(?=.{1,1000}$)${column}(,${column})*`;

const patterns: Readonly<Record<string, RegExp>> = {
  PRODUCT: /^(cluster|crossSite)$/,
  HOLD: /^(cluster|crossSite|manager|connector|database)$/,
  MEMBER: /^[a-z0-9][a-z0-9.-]{0,252}$/,
  METHOD: /^(xtrabackup|mysqldump)$/,
  DATABASE: /^(running|stopped)$/,
  YESNO: /^(yes|no)$/,
  SERVICE: /^[A-Za-z0-9_]{1,64}$/,
  SCHEMA: /^(?=.{1,64}$)tungsten_[A-Za-z0-9_]+$/,
  CROSSING: /^(?=.{1,64}$)tungsten_[A-Za-z0-9_]+_from_[A-Za-z0-9_]+$/,
  NAME: /^[A-Za-z0-9_][A-Za-z0-9._-]{0,179}$/,
  KEY: /^[A-Za-z0-9_][A-Za-z0-9._-]{0,179}$/,
  RELEASE: /^[0-9][A-Za-z0-9.-]{0,39}$/,
  FENCE: /^(0|[1-9][0-9]{0,18})$/,
  NUMBER: /^[0-9]{1,19}$/,
  SEQNO: /^-?[0-9]{1,19}$/,
  SHA256: /^[0-9a-f]{64}$/,
  EVENTID: /^[A-Za-z0-9._:;/@=,#+][A-Za-z0-9._:;/@=,#+-]{0,199}$/,
  ENDPOINT: /^[A-Za-z0-9][A-Za-z0-9.-]{0,252}:[0-9]{1,5}$/,
  HOST: /^[a-z0-9][a-z0-9-]{0,62}$/,
  POLICY: /^(automatic|maintenance|manual)$/i,
  STATE: /^[A-Z:-]{1,64}$/,
  HEX: /^([0-9a-f]{2}){1,256}$/,
  ROWS: /^[1-9][0-9]{0,6}$/,
  SECONDS: /^([1-9]|1[0-5])$/,
  FROM: new RegExp(`^(start|${cut})$`),
  TO: new RegExp(`^(end|${cut})$`),
};

export const wordFits = (pattern: string, word: string): boolean => patterns[pattern]?.test(word) ?? false;

const partFits = (expected: string, word: string): boolean =>
  /^[A-Z]/.test(expected) ? wordFits(expected, word) : word === expected;

function shapeFits(shape: string, words: readonly string[]): boolean {
  const parts = shape.split(" ");
  const last = parts.at(-1) ?? "";
  if (!last.endsWith("..."))
    return parts.length === words.length && parts.every((part, n) => partFits(part, words[n] ?? ""));
  const fixed = parts.slice(0, -1);
  const rest = words.slice(fixed.length);
  return (
    rest.length > 0 &&
    fixed.every((part, n) => partFits(part, words[n] ?? "")) &&
    rest.every((word) => wordFits(last.slice(0, -3), word))
  );
}

/** Nothing if one shape fits; else the runner's exit code with a sentence. */
export function objectionTo(
  shapes: readonly string[],
  words: readonly string[],
): { readonly code: 23 | 24; readonly why: string } | undefined {
  const odd = words.find((word) => !/^[A-Za-z0-9._:;/@=,#+-]+$/.test(word));
  if (odd !== undefined) return { code: 24, why: `a word of ${words[0]} breaks its pattern: «${odd}»` };
  if (shapes.some((shape) => shapeFits(shape, words))) return undefined;
  const known = shapes.some((shape) => shape.split(" ")[0] === words[0]);
  return known
    ? { code: 24, why: `«${words.slice(1).join(" ")}» is not what ${words[0]} takes` }
    : { code: 23, why: `unknown tool «${words[0]}»` };
}
