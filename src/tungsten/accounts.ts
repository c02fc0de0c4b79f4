/** What a node tells of its accounts, see the runner protocol's `accounts-state`: versions and yes or no, never a password. */
import type { ToolOutput } from "./invocation.ts";
import { endsWhole, linesOf, type Reading, read, unreadable } from "./reading.ts";

export type AccountsState = {
  /** Which version of the site's Secret is mounted, see `secretWord`. */
  readonly secret: string;
  /** The database lets in every account that this Secret names, with its password. A host that has none lets nobody in. */
  readonly database: boolean;
  /** The connector's user.map holds its further users, and none that were made here before. */
  readonly map: boolean;
  /** No former password is good any more, and no user is left that the Secret does not name. */
  readonly settled: boolean;
};

/** The two versions of a site's Secret as a node tells them: of what goes into tungsten.ini, and of the further users. */
export const secretWord = (ini: string | undefined, users: string | undefined): string =>
  `${ini ?? "none"}.${users ?? "none"}`;

/** Four `KEY=VALUE` lines; a word that is neither yes nor no is unreadable, but for `database=none`. */
export function readAccountsState(output: ToolOutput): Reading<AccountsState> {
  if (output.exitCode !== 0 || !endsWhole(output.stdout))
    return unreadable(`accounts-state exited ${output.exitCode}, or is cut off`);
  const said = new Map(linesOf(output.stdout).map((line) => line.split("=", 2) as [string, string]));
  const secret = said.get("secret") ?? "";
  const [database, map, settled] = ["database", "map", "settled"].map((key) => said.get(key));
  const words = [database === "none" ? "no" : database, map, settled];
  if (
    !/^(none|[0-9a-f]{12})\.(none|[0-9a-f]{12})$/.test(secret) ||
    words.some((word) => word !== "yes" && word !== "no")
  )
    return unreadable("accounts-state is not told whole");
  return read({ secret, database: database === "yes", map: map === "yes", settled: settled === "yes" });
}
