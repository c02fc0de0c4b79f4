/**
 * tungsten_prep_upgrade, the vendor's tool of the conversion, and what the runner makes of its files. The tool is closed:
 * only its words are known ([source], convert-msaa-to-caa). What it prints, what its files hold and whether it succeeds
 * in silence differ by seed. Like the tools it must call, it arms nothing on a service that is offline, and exits 0.
 */
import { springTrap } from "../faults.ts";
import { emit, type World } from "../model.ts";
import { tablesOf } from "../mysql.ts";
import { ask } from "../outside.ts";
import { armOffline, stopReplicator } from "../replicator.ts";
import type { Service } from "../state.ts";
import { dumpText } from "./dump-text.ts";
import { dsctlRow } from "./logs.ts";
import { bad, ok, type RunnerTool } from "./tool.ts";

/** The one heartbeat it arms for. */
const heartbeatName = "offline_for_upg";

const silent = ({ variant }: World): boolean => variant % 3 === 0;
const said = (world: World, text: string) => ok(silent(world) ? "" : `${text}\n`);

export const prepUpgrade: RunnerTool = function* (call) {
  const { world, host, args } = call;
  const [release = "", first = "", verb = "stop", name = ""] = args;
  if (!host.volume.software.has(release) || !host.hasPrepUpgrade)
    return bad(127, "", "tools/tungsten_prep_upgrade: No such file or directory\n");
  if (first === "stop") {
    yield* ask("sleep", 2000);
    yield* stopReplicator(world, host, "crossSite");
    return said(world, "Stopping replicator");
  }
  if (verb === "offline") {
    const service: Service | undefined = host.replicators.crossSite?.services.get(first);
    if (service === undefined) return bad(1, `ERROR: unable to reach service ${first}\n`);
    yield* ask("still", service);
    armOffline(world, host, service, heartbeatName);
    return said(world, `Service ${first} will go offline at heartbeat ${heartbeatName}`);
  }
  if (host.volume.kept.has(name)) return bad(3, "", `${name} exists\n`);
  if (!host.mysql.up) return bad(1, "ERROR: unable to connect to MySQL\n");
  yield* ask("sleep", 300);
  const source = host.volume.installed.crossSite?.services.find((each) => each.name === first)?.source;
  const schema = `tungsten_${source}`;
  const tables = host.mysql.schemas.get(schema);
  if (source === undefined || tables === undefined) return bad(1, `ERROR: no such service ${first}\n`);
  if (verb === "get") {
    host.volume.kept.set(name, positionText(world, tablesOf(host.mysql, schema)?.commit ?? null));
    return said(world, `Position saved to /opt/home/tungsten/position-${first}-20261129150000.txt`);
  }
  const text = dumpText(schema, tables, host.name, world.now);
  if (springTrap(world, host, "disk-full")) return bad(5, "ERROR: dump failed\n");
  host.volume.kept.set(
    name,
    springTrap(world, host, "dump-short") ? text.slice(0, Math.floor(text.length / 2)) : text,
  );
  emit(world, { kind: "dump", host: host.name, schema, name });
  return said(world, `Dumped ${schema}`);
};

/** As dsctl prints it, or as the command that would set it. */
function positionText(world: World, commit: Parameters<typeof dsctlRow>[0]): string {
  if (world.variant % 2 === 0 || commit == null) return `${dsctlRow(commit)}\n`;
  const { seqno, epoch, eventId, sourceId } = commit;
  return `dsctl set -seqno ${seqno} -epoch ${epoch} -event-id "${eventId}" -source-id "${sourceId}"\n`;
}
