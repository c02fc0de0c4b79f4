/**
 * cctrl: policies and the cluster's view of itself. It exits 0 whatever happens, so only its text speaks. No transcript
 * exists: the samples are the vendor's ([source], deploy-msaa), the layout that of the open formatter ([doc-code],
 * tungsten-cli §2.2): boxes 78 or 83 wide, long rows wrapped at words. Echoed prompts and the layout of the composite
 * listing are [doc]/[inferred]; what does not fit makes the whole view unreadable, it is never left out.
 */
import type { ToolOutput } from "./invocation.ts";
import {
  type ClusterView,
  type CompositeView,
  type Datasource,
  integerFrom,
  linesOf,
  type Policy,
  type Reading,
  read,
  unreadable,
} from "./reading.ts";

/** `set policy maintenance|automatic|manual`, fed to cctrl. */
export const setPolicyCommand = (policy: string): { argv: readonly string[]; stdin: string } => ({
  argv: ["cctrl"],
  stdin: `set policy ${policy}\n`,
});

/** Takes every connector of the dataservice offline or online, fed to cctrl. */
export const routersCommand = (verb: "online" | "offline"): { argv: readonly string[]; stdin: string } => ({
  argv: ["cctrl"],
  stdin: `router * ${verb}\n`,
});

/** Words about one datasource, fed to cctrl; `force` lifts its checks, as the vendor's pages do for a primary. */
export const datasourceCommand = (
  name: string,
  verbs: readonly ("shun" | "welcome" | "online" | "offline" | "recover")[],
  force = false,
): { argv: readonly string[]; stdin: string } => ({
  argv: ["cctrl"],
  stdin: [
    ...(force ? ["set force true"] : []),
    ...verbs.map((verb) => `datasource ${name} ${verb}`),
    "",
  ].join("\n"),
});
/** `switch to H`: planned; it goes back where it cannot complete ([doc], tungsten-cli §2.4). */
export const switchCommand = (to: string): { argv: readonly string[]; stdin: string } => ({
  argv: ["cctrl"],
  stdin: `switch to ${to}\n`,
});
/** `failover to H`: forced ([doc]; its texts were not found). Its outcome is read from `ls`, as always. */
export const failoverCommand = (to: string): { argv: readonly string[]; stdin: string } => ({
  argv: ["cctrl"],
  stdin: `failover to ${to}\n`,
});

/** Words at the composite, behind `use`; only `-multi` admits that ([doc], tungsten-cli §2.3). */
const atComposite = (
  composite: string,
  ...words: readonly string[]
): { argv: readonly string[]; stdin: string } => ({
  argv: ["cctrl", "-multi"],
  stdin: [`use ${composite}`, ...words, ""].join("\n"),
});
/** `switch to SITE` of an active/passive composite: planned; it goes back where it cannot complete ([doc], §11.11). */
export const switchSiteCommand = (composite: string, to: string) => atComposite(composite, `switch to ${to}`);
/** `datasource SITE fail`, with the answer to the question that an expert's command asks ([doc], §11.12). */
export const failSiteCommand = (composite: string, site: string) =>
  atComposite(composite, `datasource ${site} fail`, "y");
/** `failover to SITE` behind a site that was failed; its texts were not found, its outcome is read from `ls`. */
export const failSiteOverCommand = (composite: string, to: string) =>
  atComposite(composite, `failover to ${to}`);

const policies: readonly Policy[] = ["AUTOMATIC", "MAINTENANCE", "MANUAL"];
const policyFrom = (word: string): Policy =>
  policies.find((policy) => policy === word) ?? { unrecognised: word };

const coordinatorPattern = /COORDINATOR\[([^:\]]+):(\w+):(\w+)\]/;
const memberPattern = /(\w+):COORDINATOR\[([^:\]]+):(\w+):(\w+)\]/;
const longestLine = 2000;
const mostPieces = 4;

const count = (text: string, char: string): number => text.split(char).length - 1;
/** A row that goes on in the next one: its bracket or parenthesis is still open. */
const isOpen = (row: string): boolean =>
  /^\s*REASON\[/.test(row) ? !row.includes("]") : count(row, "(") > count(row, ")");

/**
 * The rows of all boxes, wrapped ones joined. Undefined when a bar is missing at an end, a box is not closed, or a row
 * stays open: the text was cut or damaged. Text outside the bars (banner, prompts, headings) is not looked at.
 */
function boxRows(lines: readonly string[]): readonly string[] | undefined {
  const rows: string[] = [];
  let pieces = 1;
  let closed = true;
  let rules = 0;
  for (const line of lines) {
    if (/^\s*\+-{3,}\+\s*$/.test(line)) {
      const last = rows.at(-1);
      if (last !== undefined && isOpen(last)) return undefined;
      [closed, rules, pieces] = [true, rules + 1, 1];
    } else if (/^\s*\|.*\|\s*$/.test(line)) {
      const row = line.slice(line.indexOf("|") + 1, line.lastIndexOf("|")).trimEnd();
      const last = rows.at(-1);
      if (last !== undefined && isOpen(last) && pieces < mostPieces) {
        rows[rows.length - 1] = `${last.trimEnd()} ${row.trim()}`;
        pieces += 1;
      } else [pieces] = [1, rows.push(row)];
      closed = false;
    } else if (/\||\+-/.test(line)) return undefined;
  }
  const last = rows.at(-1);
  return (last !== undefined && isOpen(last)) || (rules > 0 && !closed) ? undefined : rows;
}

/** What a listing begins with: the coordinator, and the boxes' rows. */
function listing(
  output: ToolOutput,
): Reading<{ lines: readonly string[]; rows: readonly string[]; head: RegExpExecArray }> {
  if (output.exitCode !== 0)
    return unreadable(`cctrl exited ${output.exitCode}, which it does only when it is killed`);
  const lines = linesOf(output.stdout);
  if (lines.some((line) => line.length > longestLine)) return unreadable("a line of cctrl is too long");
  const heads = lines
    .filter((line) => !memberPattern.test(line))
    .map((line) => coordinatorPattern.exec(line))
    .filter((match) => match !== null);
  const [head] = heads;
  if (head === undefined) return unreadable("cctrl shows no coordinator: its manager may be down");
  if (heads.length > 1) return unreadable("cctrl shows several coordinators");
  const rows = boxRows(lines);
  return rows === undefined
    ? unreadable("a box of cctrl's listing is cut or damaged")
    : read({ lines, rows, head });
}

const details = [
  "MANAGER(",
  "REPLICATOR(",
  "DATASERVER(",
  "CONNECTIONS(",
  "STATUS ",
  "STATUS[",
  "REASON[",
  "VIP=",
];
const headerPattern = /^([\w.-]+)\*?\((composite )?(\w+):([^,()]+)(\(.*\))?(?:,[^()]*)?\)$/;

/** A row that names a datasource: at the first column, a name and a parenthesis, and nothing a box holds besides. */
const isHeader = (row: string): boolean =>
  /^[^\s(]+\(/.test(row) && !["connector@", ...details].some((word) => row.startsWith(word));

type Box = { readonly header: RegExpExecArray; readonly rows: readonly string[] };

/**
 * The datasource boxes; undefined when a header is not understood (leaving it out would hide a node in trouble), when a
 * name comes twice, or when one box tells something twice: then a header between them is missing.
 */
function boxesOf(rows: readonly string[]): readonly Box[] | undefined {
  const boxes: { header: RegExpExecArray; rows: string[] }[] = [];
  for (const row of rows) {
    if (isHeader(row)) {
      const header = headerPattern.exec(row);
      if (header === null || boxes.some((box) => box.header[1] === header[1])) return undefined;
      boxes.push({ header, rows: [] });
    } else boxes.at(-1)?.rows.push(row.trim());
  }
  const twice = (box: Box) =>
    details.some((word) => box.rows.filter((row) => row.startsWith(word)).length > 1);
  return boxes.some(twice) ? undefined : boxes;
}

function datasourceFrom({ header, rows }: Box): Datasource {
  const stateOf = (kind: string): string | null => {
    const row = rows.find((text) => text.startsWith(`${kind}(`)) ?? "";
    return /\bstate=([^,()]+)/.exec(row)?.[1]?.trim() ?? null;
  };
  const reason = rows.map((row) => /^REASON\[(.*)\]$/.exec(row)?.[1]).find((text) => text !== undefined);
  return {
    name: header[1] ?? "",
    role: header[3] ?? "",
    state: (header[4] ?? "").trim(),
    reason: reason ?? header[5]?.slice(1, -1) ?? null,
    replicatorState: stateOf("REPLICATOR"),
    dataserverState: stateOf("DATASERVER"),
    managerState: stateOf("MANAGER"),
    ...(rows.some((row) => /\[SSL\]$/.test(row)) && { ssl: true as const }),
  };
}

/** `ls` of one dataservice. A text without coordinator and datasources is no view: the manager is down, or still starting. */
export function readClusterView(output: ToolOutput): Reading<ClusterView> {
  const listed = listing(output);
  if ("unreadable" in listed) return listed;
  const { rows, head } = listed.read;
  const routers = rows
    .map((row) => /^connector@([^[(]+)\[\d*\]\(([A-Z-]+)(?:[^)]*\bactive=(\d+))?/.exec(row.trim()))
    .filter((match) => match !== null)
    .map((match) => ({
      name: match[1] ?? "",
      state: match[2] ?? "",
      active: integerFrom(match[3]) ?? null,
    }));
  const boxes = boxesOf(rows);
  if (boxes === undefined) return unreadable("a datasource of cctrl's listing is not understood");
  if (boxes.some(({ header }) => header[2] !== undefined))
    return unreadable("cctrl lists a composite, not one dataservice");
  if (boxes.length === 0) return unreadable("cctrl shows a coordinator but no datasource");
  return read({
    coordinator: head[1] ?? "",
    policy: policyFrom(head[2] ?? ""),
    coordinatorState: head[3] ?? "",
    routers,
    datasources: boxes.map(datasourceFrom),
  });
}

/** Composite `ls`: one coordinator line a member below the first, one box row a composite datasource ([doc], tungsten-cli §2.3). */
export function readCompositeView(output: ToolOutput): Reading<CompositeView> {
  const listed = listing(output);
  if ("unreadable" in listed) return listed;
  const { lines, rows, head } = listed.read;
  const members = lines
    .map((line) => memberPattern.exec(line))
    .filter((match) => match !== null)
    .map((match) => ({
      name: match[1] ?? "",
      coordinator: match[2] ?? "",
      policy: policyFrom(match[3] ?? ""),
    }));
  const boxes = boxesOf(rows);
  if (boxes === undefined) return unreadable("a datasource of cctrl's listing is not understood");
  const datasources = boxes
    .filter(({ header }) => header[2] !== undefined)
    .map(({ header }) => ({
      name: header[1] ?? "",
      role: header[3] ?? "",
      state: (header[4] ?? "").trim(),
    }));
  if (datasources.length === 0) return unreadable("cctrl shows no composite datasource");
  return read({ policy: policyFrom(head[2] ?? ""), members, datasources });
}
