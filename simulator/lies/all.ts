/** All lies in the order of the table, and those that only a document tells. */
import { daemonLies } from "./daemons.ts";
import { goingLies } from "./going.ts";
import { type Lie, tools, type Untold } from "./lie.ts";
import { readingLies } from "./reading.ts";
import { replicationLies } from "./replication.ts";
import { stoppingLies } from "./stopping.ts";

const known: readonly Lie[] = [
  ...daemonLies,
  ...goingLies,
  ...readingLies,
  ...stoppingLies,
  ...replicationLies,
];

export const lies: readonly Lie[] = tools.flatMap((tool) => known.filter((lie) => lie.tool === tool));

export const untold: readonly Untold[] = [];
