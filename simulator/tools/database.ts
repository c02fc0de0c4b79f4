/** The runner's own acts on a node's database as a whole: the service, a snapshot of what a reset would delete, the copy of a data directory. */
import { sha256 } from "../checksum.ts";
import { springTrap } from "../faults.ts";
import { emit, type Host, reaches, type World } from "../model.ts";
import { copyDatabase, emptyDatabase, startDatabase, stopDatabase } from "../mysql.ts";
import { ask } from "../outside.ts";
import { fail } from "../replicator.ts";
import { bad, ok, quick, type RunnerTool } from "./tool.ts";

export const databaseState = quick(({ host }) => ok(host.mysql.up ? "running\n" : "stopped\n"));

/** The second product's services of other sites that read from this host. */
const readersOf = (world: World, host: Host) =>
  [...world.hosts.values()].flatMap((reader) =>
    [...(reader.replicators.crossSite?.services.values() ?? [])]
      .filter(({ state, upstream }) => state === "ONLINE" && upstream?.host === host.name)
      .map((service) => [reader, service] as const),
  );

/** A server that starts is writable until a manager says otherwise; clients and replicators lose it meanwhile. */
const restart: RunnerTool = function* ({ world, host }) {
  const readers = readersOf(world, host);
  emit(world, { kind: "process", host: host.name, what: "mysqld", verb: "stop" });
  stopDatabase(world, host);
  yield* ask("sleep", 4000);
  const objection = startDatabase(world, host);
  if (objection !== null) return bad(1, "", `mysqld-service: ${objection}\n`);
  host.mysql.readOnly = false;
  for (const [reader, service] of readers) {
    // [source], deploy-msaa: they go offline and wait for a human. That some reconnect by themselves is [inferred].
    if (world.variant % 4 === 0 || service.state.startsWith("OFFLINE")) continue;
    service.tries = 2;
    fail(world, reader, service, "Connection reset");
  }
  emit(world, { kind: "process", host: host.name, what: "mysqld", verb: "start" });
  return ok("mysqld runs, pid 77\n");
};

/** `database start|stop|restart` */
export const database: RunnerTool = function* (call) {
  const { world, host, args } = call;
  if (args[0] === "restart") return yield* restart(call);
  yield* ask("sleep", 2000);
  if (args[0] === "stop") stopDatabase(world, host);
  else {
    const objection = startDatabase(world, host);
    if (objection !== null) return bad(1, "", `mysqld-service: ${objection}\n`);
  }
  return ok(`mysqld ${args[0] === "stop" ? "is stopped" : "runs"}\n`);
};

const stillRuns = ({ mysql, replicators }: Host): string | undefined => {
  if (mysql.up) return "the database runs";
  return Object.keys(replicators).length > 0 ? "a replicator runs" : undefined;
};

/** What the snapshot holds of this host, as text. */
const contentOf = ({ mysql, volume }: Host): string =>
  JSON.stringify([[...mysql.rows.keys()], [...mysql.schemas], mysql.log.length, [...volume.thl.keys()]]);

/** Data directory, binary logs and THL to the backups volume, nothing of it running; recorded like a backup, without an LSN. */
export const snapshot: RunnerTool = function* ({ world, host, args }) {
  const [name = ""] = args;
  if (host.volume.backups.has(name)) return ok();
  const running = stillRuns(host);
  if (running !== undefined) return bad(3, "", `${running}\n`);
  yield* ask("sleep", 10_000);
  const verified = springTrap(world, host, "backup-short") ? "no" : "yes";
  host.volume.backups.set(
    name,
    `sha256=${sha256(contentOf(host))}\nlsn=0\nbytes=1000000\nverified=${verified}\n`,
  );
  return ok();
};

const reachable = (world: World, host: Host, name: string): Host | undefined => {
  const donor = world.hosts.get(name);
  return donor !== undefined && reaches(world, host, donor) ? donor : undefined;
};

/** `copy-datadir DONOR NAME`: with both databases stopped, before and after; the file NAME tells that it is whole. */
export const copyDatadir: RunnerTool = function* ({ world, host, args }) {
  const [donorName = "", name = ""] = args;
  const donor = reachable(world, host, donorName);
  if (donor === undefined)
    return bad(1, "", `ssh: connect to host ${donorName} port 2222: No route to host\n`);
  if (donor === host) return bad(3, "", `${donorName} is this node itself\n`);
  if (host.mysql.up) return bad(3, "", "the database of this node runs\n");
  if (donor.mysql.up) return bad(3, "", `the database of ${donorName} runs\n`);
  if (donor.mysql.hollow === true) return bad(3, "", `${donorName} holds no database\n`);
  if (donor.mysql.version !== host.mysql.version)
    return bad(3, "", `${donorName} runs another server version than this node\n`);
  if (host.volume.kept.has(name)) return ok();
  emit(world, { kind: "copied", host: host.name, from: donorName, when: "begin", by: "copy-datadir" });
  emptyDatabase(host.mysql);
  yield* ask("sleep", 30_000);
  if (reachable(world, host, donorName) === undefined || donor.mysql.up || host.mysql.up)
    return bad(1, "", "rsync: connection unexpectedly closed, or a database was started meanwhile\n");
  copyDatabase(donor.mysql, host.mysql);
  host.volume.kept.set(name, `from=${donorName}\n`);
  emit(world, { kind: "copied", host: host.name, from: donorName, when: "end", by: "copy-datadir" });
  return ok();
};
