/** The runner as one script: the parts of this folder joined in order, so that no call ever sees half of an update. */
import { readFileSync } from "node:fs";

const order = [
  "runner.sh",
  "marker.sh",
  "words.sh",
  "sql.sh",
  "chunks.sh",
  "keys.sh",
  "queries.sh",
  "database.sh",
  "commands.sh",
  "accounts.sh",
  "checks.sh",
  "serve.sh",
];

/** The text that is mounted at /etc/runner/runner. Read from the files beside this one. */
export const runnerScript = (): string =>
  order.map((name) => readFileSync(new URL(`./${name}`, import.meta.url), "utf8")).join("\n");
