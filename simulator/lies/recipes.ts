/** What several rows need to happen first: a source rebuilt, a feed stopped at a heartbeat, a feed uninstalled and installed again. */
import { strike } from "../faults.ts";
import type { Said, Stage } from "./stage.ts";

export const feed = "nyc";
export const schema = "tungsten_nyc";

/** nyc's replicators as the reading nodes of london see them: every event after this belongs to another epoch. */
export function newEpoch(s: Stage): void {
  s.cluster("nyc-0", "replicator stop");
  s.cluster("nyc-0", "replicator start");
  s.wait(8);
}

/** london's cross-site services go offline and stay there. */
export function stopReaders(s: Stage): void {
  for (const host of ["london-0", "london-1"]) s.cross(host, "trepctl -service nyc offline");
  s.wait(3);
}

/** nyc begins a new history: logs and positions of both nodes gone, numbers from 0 again. `seconds` fill the new log. */
export function rebuildSource(s: Stage, seconds = 40): void {
  for (const host of ["nyc-1", "nyc-0"]) s.cluster(host, "trepctl offline");
  s.wait(2);
  for (const host of ["nyc-1", "nyc-0"]) s.cluster(host, "trepctl -service nyc reset -all -y");
  for (const host of ["nyc-0", "nyc-1"]) s.cluster(host, "trepctl online");
  s.wait(seconds);
}

/** A source rebuilt behind its readers' backs, its log longer again than what they have. */
export function strangers(s: Stage): void {
  newEpoch(s);
  stopReaders(s);
  rebuildSource(s);
}

/** Both nodes of london stop at a heartbeat of nyc, as they should. */
export function stopAtHeartbeat(s: Stage, name: string): void {
  for (const host of ["london-0", "london-1"])
    s.cross(host, `trepctl -service nyc offline-deferred -at-heartbeat ${name}`);
  s.cluster("nyc-0", `trepctl heartbeat -name ${name}`);
  s.wait(5);
}

/** A feed in OFFLINE:ERROR whose automatic recoveries are used up. */
export function breakFeed(s: Stage, host: string): void {
  for (let n = 0; n < 3; n += 1) {
    strike(s.world, "service-error", host);
    if (n < 2) s.wait(7);
  }
  s.wait(3);
}

/** The first file of a dump that a person makes, as text. */
export const dumpOf = (s: Stage, host: string): string =>
  s.cross(host, `mysqldump --single-transaction --databases ${schema}`).out;

/** london-1 stopped early; london-0, which it dials first, begins with a fresh log later than that. */
export function laggard(s: Stage): void {
  s.cross("london-1", "trepctl -service nyc offline");
  s.wait(20);
  s.cross("london-0", "trepctl -service nyc offline");
  s.wait(3);
  s.cross("london-0", "trepctl -service nyc reset -thl -y");
  s.cross("london-0", "trepctl -service nyc online");
  s.wait(10);
}

/** nyc loses its logs, and somebody sets its position by hand: an INSERT that reaches every reader. */
export function insertPositionAtSource(s: Stage): Said {
  const commit = s.commit("nyc-0", schema);
  s.cluster("nyc-0", "trepctl offline");
  s.wait(2);
  s.cluster("nyc-0", "trepctl -service nyc reset -db -y");
  const said = s.cluster(
    "nyc-0",
    `dsctl -service nyc set -seqno ${commit?.seqno} -epoch ${commit?.epoch} -event-id '${commit?.eventId}' -source-id nyc-0`,
  );
  s.cluster("nyc-0", "trepctl online");
  s.wait(10);
  return said;
}
