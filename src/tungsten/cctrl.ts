/**
 * cctrl: policies and the cluster's view of itself. It exits 0 whatever happens, so only its text speaks. No transcript
 * exists; the layout is [source]/[doc-code] of tungsten-cli §2: boxes 78 or 83 wide, wrapped rows, echoed prompts.
 */
import type { ToolOutput } from "./invocation.ts";
import {
  type ClusterView,
  type CompositeView,
  type Datasource,
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

const policies: readonly Policy[] = ["AUTOMATIC", "MAINTENANCE", "MANUAL"];
const policyFrom = (word: string): Policy =>
  policies.find((policy) => policy === word) ?? { unrecognised: word };

const coordinatorPattern = /COORDINATOR\[([^:\]]+):(\w+):(\w+)\]/;

/** Rows of the boxes that follow a heading, wrapped rows joined; a prompt or anything outside the bars is dropped. */
function boxRows(text: string): readonly string[] {
  const rows: string[] = [];
  for (const line of text.split("\n")) {
    const match = /\|(.*)\|\s*$/.exec(line);
    if (match?.[1] === undefined) continue;
    const row = match[1].trimEnd();
    const last = rows.at(-1);
    if (last !== undefined && opensParenthesis(last))
      rows[rows.length - 1] = `${last.trimEnd()} ${row.trim()}`;
    else rows.push(row);
  }
  return rows;
}

const opensParenthesis = (row: string): boolean =>
  /^\s*[A-Za-z0-9._@-]+\*?\(/.test(row) && (row.match(/\(/g)?.length ?? 0) > (row.match(/\)/g)?.length ?? 0);

const headerPattern = /^([A-Za-z0-9._-]+)\*?\((?:composite )?(\w+):([A-Z]+)(.*)\)$/;
const inner = (row: string | undefined, key: string): string | null =>
  row === undefined ? null : (new RegExp(`${key}=([A-Z:-]+)`).exec(row)?.[1] ?? null);

function datasourcesFrom(rows: readonly string[]): readonly Datasource[] {
  const found: { header: RegExpExecArray; rows: string[] }[] = [];
  for (const row of rows) {
    const header = /^\S/.test(row) ? headerPattern.exec(row.trim()) : null;
    if (header !== null && !row.includes("@")) found.push({ header, rows: [] });
    else found.at(-1)?.rows.push(row);
  }
  return found.map(({ header, rows: below }) => {
    const reason = below.map((row) => /REASON\[(.*)\]/.exec(row)?.[1]).find((text) => text !== undefined);
    const bracket = /^\((.*?)\)/.exec(header[4] ?? "")?.[1];
    const of = (kind: string) => below.find((row) => row.trim().startsWith(`${kind}(`));
    return {
      name: header[1] ?? "",
      role: header[2] ?? "",
      state: header[3] ?? "",
      reason: reason ?? bracket ?? null,
      replicatorState: inner(of("REPLICATOR"), "state"),
      dataserverState: inner(of("DATASERVER"), "state"),
      managerState: inner(of("MANAGER"), "state"),
    };
  });
}

/** `ls` of one dataservice. A text without coordinator and datasources is no view: the manager is down, or still starting. */
export function readClusterView(output: ToolOutput): Reading<ClusterView> {
  const coordinator = coordinatorPattern.exec(output.stdout);
  if (coordinator === null) return unreadable("cctrl shows no coordinator: its manager may be down");
  const rows = boxRows(output.stdout);
  const routers = rows
    .map((row) => /^connector@([^[(]+)\[\d*\]\(([A-Z-]+)/.exec(row.trim()))
    .filter((match) => match !== null)
    .map((match) => ({ name: match[1] ?? "", state: match[2] ?? "" }));
  const datasources = datasourcesFrom(rows.filter((row) => !row.trim().startsWith("connector@")));
  if (datasources.length === 0) return unreadable("cctrl shows a coordinator but no datasource");
  return read({
    coordinator: coordinator[1] ?? "",
    policy: policyFrom(coordinator[2] ?? ""),
    coordinatorState: coordinator[3] ?? "",
    routers,
    datasources,
  });
}

/** Composite `ls`: one coordinator line a member below the first, one box row a composite datasource ([doc], tungsten-cli §2.3). */
export function readCompositeView(output: ToolOutput): Reading<CompositeView> {
  const coordinator = coordinatorPattern.exec(output.stdout);
  if (coordinator === null) return unreadable("cctrl shows no coordinator: its manager may be down");
  const members = [...output.stdout.matchAll(/([A-Za-z0-9_]+):COORDINATOR\[([^:\]]+):(\w+):(\w+)\]/g)].map(
    (match) => ({
      name: match[1] ?? "",
      coordinator: match[2] ?? "",
      policy: policyFrom(match[3] ?? ""),
    }),
  );
  const datasources = boxRows(output.stdout)
    .map((row) => /^([A-Za-z0-9._-]+)\(composite (\w+):([A-Z]+)/.exec(row))
    .filter((match) => match !== null)
    .map((match) => ({ name: match[1] ?? "", role: match[2] ?? "", state: match[3] ?? "" }));
  if (datasources.length === 0) return unreadable("cctrl shows no composite datasource");
  return read({ policy: policyFrom(coordinator[2] ?? ""), members, datasources });
}
