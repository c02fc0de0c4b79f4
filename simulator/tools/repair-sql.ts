/**
 * apply-sql on a virtual node: of all SQL this world knows to put a row into a site's table and to take it out again, which
 * is what a person mends a duplicate or a missing row with. What is refused is refused as the script does it.
 */
import { sha256 } from "../checksum.ts";
import { emit } from "../model.ts";
import { ask } from "../outside.ts";
import { bad, ok, type RunnerTool } from "./tool.ts";

const statement =
  /^(?:INSERT INTO `?shop`?\.`?orders_(\w+)`? VALUES \((\d+)\)|DELETE FROM `?shop`?\.`?orders_(\w+)`? WHERE id = (\d+))$/i;

type Change = { readonly add: boolean; readonly tx: string };

/** What the text does, or the error that the server answers it with. */
function changesOf(text: string): readonly Change[] | string {
  const changes: Change[] = [];
  for (const line of text
    .split(";")
    .map((each) => each.replace(/--.*$/gm, "").trim())
    .filter((each) => each !== "")) {
    const [, into, id, from, gone] = statement.exec(line) ?? [];
    if (into === undefined && from === undefined)
      return "ERROR 1064 (42000): You have an error in your SQL syntax";
    changes.push(
      into === undefined ? { add: false, tx: `${from}:${gone}` } : { add: true, tx: `${into}:${id}` },
    );
  }
  return changes;
}

const refusal = (text: string): string | undefined => {
  if (/log_bin|log_off/i.test(text))
    return "the text speaks of the binary log, which this command sets by itself";
  if (/\\[!.]/.test(text)) return "the text leaves the database";
  if (/^\s*(system|source|tee|pager|edit|connect|delimiter)(\s|$)/im.test(text))
    return "the text holds a command of the client";
  return text.trim().endsWith(";") ? undefined : "the text does not end with a semicolon";
};

export const applySql: RunnerTool = function* ({ world, host, args, stdin }) {
  const [name = "", sum = ""] = args;
  const { mysql, volume } = host;
  if (volume.kept.has(name)) return bad(3, "", `${name} exists: these statements have run here\n`);
  if (sha256(stdin) !== sum) return bad(3, "", "the text has another checksum\n");
  const why = refusal(stdin);
  if (why !== undefined) return bad(3, "", `${why}\n`);
  yield* ask("sleep", 400);
  if (!mysql.up) return bad(1, "", "ERROR 2002 (HY000): Can't connect to local server\n");
  const changes = changesOf(stdin);
  if (typeof changes === "string") return bad(1, "", `${changes}\n`);
  const twice = changes.find(({ add, tx }) => add && mysql.rows.has(tx));
  if (twice !== undefined) return bad(1, "", "ERROR 1062 (23000): Duplicate entry for key 'PRIMARY'\n");
  for (const { add, tx } of changes) {
    if (add) mysql.rows.set(tx, 1);
    else mysql.rows.delete(tx);
    mysql.strays.delete(tx);
    emit(world, { kind: "by-hand", host: host.name, tx, add });
  }
  volume.kept.set(name, `sha256=${sum}\nlog_bin=0\n`);
  return ok();
};
