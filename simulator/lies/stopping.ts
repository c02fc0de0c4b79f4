/** Lies about stopping at a heartbeat: armed and not armed, stopped and elsewhere, alive and not heard. */
import type { Lie } from "./lie.ts";
import { breakFeed, feed, schema, stopAtHeartbeat } from "./recipes.ts";
import type { Stage } from "./stage.ts";

const tool = "stopping at a heartbeat";
const yes = (is: boolean): string => (is ? "yes" : "no");

/** The one proof: the row's name is ours, and its seqno is that of the commit row, while the service is stopped. */
const provenAt = (s: Stage, host: string, name: string): boolean => {
  const row = s.heartbeat(host, schema);
  return row.name === name && row.seqno === String(s.commit(host, schema)?.seqno);
};

/** The world's truth: the event applied last is that heartbeat. */
function stoppedAt(s: Stage, host: string, name: string): boolean {
  const last = s.host(host).volume.thl.get(`crossSite/${feed}`)?.at(-1)?.entry;
  return s.service(host, feed).state === "OFFLINE:NORMAL" && last?.kind === "heartbeat" && last.name === name;
}

const arm = (s: Stage, host: string, name: string) =>
  s.cross(host, `trepctl -service nyc offline-deferred -at-heartbeat ${name}`);

export const stoppingLies: readonly Lie[] = [
  {
    name: "arming-what-is-offline",
    tool,
    cites: ["observed §3.2", "cli §0.4"],
    lie: "`offline-deferred` on an OFFLINE:NORMAL service exits 0 and arms nothing.",
    asks: "is the feed armed?",
    naive: "takes exit 0 of offline-deferred",
    careful: "reads offlineRequests",
    show(s) {
      s.cross("london-0", "trepctl -service nyc offline");
      s.wait(3);
      const said = arm(s, "london-0", "stop_1");
      return {
        said,
        truth: yes(s.service("london-0", feed).stopAt !== null),
        naive: yes(said.code === 0),
        careful: yes(s.status("london-0", feed)?.offlineRequests?.includes("stop_1") === true),
      };
    },
  },
  {
    name: "arming-an-error",
    tool,
    cites: ["conversion §4b", "cli §0.4"],
    lie: "On OFFLINE:ERROR it exits 0 and makes OFFLINE:NORMAL at once: error wiped, heartbeat never seen, as if finished.",
    asks: "did the feed stop at the heartbeat?",
    naive: "takes OFFLINE:NORMAL for stopped there",
    careful: "reads heartbeat row and commit row",
    show(s) {
      breakFeed(s, "london-0");
      arm(s, "london-0", "stop_1");
      s.cluster("nyc-0", "trepctl heartbeat -name stop_1");
      s.wait(5);
      const said = s.cross("london-0", "trepctl -service nyc status");
      return {
        said,
        line: "state ",
        truth: yes(stoppedAt(s, "london-0", "stop_1")),
        naive: yes(s.status("london-0", feed)?.state === "OFFLINE:NORMAL"),
        careful: yes(provenAt(s, "london-0", "stop_1")),
      };
    },
  },
  {
    name: "armed-request-lost",
    tool,
    cites: ["conversion §4b2"],
    lie: "A restart of the replicator forgets the request: it runs past the heartbeat, ONLINE, without a word.",
    asks: "will the feed stop at the heartbeat?",
    naive: "remembers that it armed it",
    careful: "reads offlineRequests just before",
    show(s) {
      const said = arm(s, "london-0", "stop_1");
      s.cross("london-0", "replicator stop");
      s.cross("london-0", "replicator start");
      s.wait(10);
      const requests = s.status("london-0", feed)?.offlineRequests ?? "";
      s.cluster("nyc-0", "trepctl heartbeat -name stop_1");
      s.wait(10);
      return {
        said,
        truth: yes(stoppedAt(s, "london-0", "stop_1")),
        naive: yes(said.code === 0),
        careful: yes(requests.includes("stop_1")),
      };
    },
  },
  {
    name: "offline-normal-is-no-proof",
    tool,
    cites: ["conversion §1", "conversion §4"],
    lie: "OFFLINE:NORMAL is reached in many ways; somebody's `offline` looks like the armed stop.",
    asks: "did the feed stop at the heartbeat?",
    naive: "takes OFFLINE:NORMAL for stopped there",
    careful: "reads heartbeat row and commit row",
    show(s) {
      arm(s, "london-0", "stop_1");
      s.cross("london-0", "trepctl -service nyc offline");
      s.wait(3);
      s.cluster("nyc-0", "trepctl heartbeat -name stop_1");
      s.wait(5);
      const said = s.cross("london-0", "trepctl -service nyc status");
      return {
        said,
        line: "state ",
        truth: yes(stoppedAt(s, "london-0", "stop_1")),
        naive: yes(s.status("london-0", feed)?.state === "OFFLINE:NORMAL"),
        careful: yes(provenAt(s, "london-0", "stop_1")),
      };
    },
  },
  {
    name: "wait-state-is-no-proof",
    tool,
    cites: ["observed §3.2", "conversion §4b"],
    lie: "`wait -state OFFLINE` exits 0 for any OFFLINE:…, and for one that was so before.",
    asks: "did the feed stop at the heartbeat?",
    naive: "takes exit 0 of wait",
    careful: "reads heartbeat row and commit row",
    show(s) {
      breakFeed(s, "london-0");
      arm(s, "london-0", "stop_1");
      s.cluster("nyc-0", "trepctl heartbeat -name stop_1");
      const said = s.cross("london-0", "trepctl -service nyc wait -state OFFLINE -limit 30");
      return {
        said,
        truth: yes(stoppedAt(s, "london-0", "stop_1")),
        naive: yes(said.code === 0),
        careful: yes(provenAt(s, "london-0", "stop_1")),
      };
    },
  },
  {
    name: "heartbeat-on-a-replica",
    tool,
    cites: ["observed §3.2"],
    lie: "`heartbeat` on an ONLINE replica exits 0, overwrites its own row and replicates nothing.",
    asks: "did a heartbeat travel from nyc to london?",
    naive: "takes exit 0, and the row with the name",
    careful: "waits for the row at the reader",
    show(s) {
      const said = s.cluster("nyc-1", "trepctl heartbeat -name alive_1");
      s.wait(10);
      const own = s.heartbeat("nyc-1", schema).name;
      const events = s.host("london-0").volume.thl.get(`crossSite/${feed}`) ?? [];
      return {
        said,
        truth: yes(events.some(({ entry }) => entry.kind === "heartbeat" && entry.name === "alive_1")),
        naive: yes(said.code === 0 && own === "alive_1"),
        careful: yes(s.heartbeat("london-0", schema).name === "alive_1"),
      };
    },
  },
  {
    name: "heartbeat-name-twice",
    tool,
    cites: ["conversion §4h"],
    lie: "Of two heartbeats of one name, a node that lags stops at the first: two nodes, one name, two positions.",
    asks: "do both nodes of london stand at one event?",
    naive: "finds the name in both rows",
    careful: "compares their commit rows",
    show(s) {
      s.cross("london-1", "trepctl -service nyc offline");
      s.wait(3);
      s.cluster("nyc-0", "trepctl heartbeat -name stop_1");
      s.wait(20);
      arm(s, "london-0", "stop_1");
      s.cluster("nyc-0", "trepctl heartbeat -name stop_1");
      s.wait(5);
      const said = s.cross("london-1", "trepctl -service nyc online -until-heartbeat stop_1");
      s.wait(40);
      const seqno = (host: string) => s.host(host).volume.thl.get(`crossSite/${feed}`)?.at(-1)?.seqno;
      const names = ["london-0", "london-1"].map((host) => s.heartbeat(host, schema).name);
      const commits = ["london-0", "london-1"].map((host) => s.commit(host, schema)?.seqno);
      return {
        said,
        truth: yes(seqno("london-0") === seqno("london-1")),
        naive: yes(names.every((name) => name === "stop_1")),
        careful: yes(commits[0] === commits[1]),
      };
    },
  },
  {
    name: "any-heartbeat",
    tool,
    cites: ["cli §1.1", "observed §4"],
    lie: "Armed without a name it stops at any heartbeat: a source that restarts writes MASTER_ONLINE.",
    asks: "did the feed stop at ours?",
    naive: "finds it OFFLINE:NORMAL at a heartbeat",
    careful: "gives a name, and reads it in the row",
    show(s) {
      s.cross("london-0", "trepctl -service nyc offline-deferred -at-heartbeat");
      s.cluster("nyc-0", "replicator stop");
      s.cluster("nyc-0", "replicator start");
      s.wait(20);
      s.cluster("nyc-0", "trepctl heartbeat -name stop_1");
      s.wait(5);
      const said = s.cross("london-0", "trepctl -service nyc status");
      const row = s.heartbeat("london-0", schema);
      const standing = row.seqno === String(s.commit("london-0", schema)?.seqno);
      return {
        said,
        line: "state ",
        truth: yes(stoppedAt(s, "london-0", "stop_1")),
        naive: yes(s.status("london-0", feed)?.state === "OFFLINE:NORMAL" && standing),
        careful: yes(provenAt(s, "london-0", "stop_1")),
      };
    },
  },
  {
    name: "row-overwritten",
    tool,
    cites: ["conversion §5", "observed §4"],
    lie: "The source's next MASTER_ONLINE overwrites the heartbeat row of a reader that is online again.",
    asks: "had the feed stopped at the heartbeat?",
    naive: "reads the row afterwards",
    careful: "read it while it stood still",
    show(s) {
      stopAtHeartbeat(s, "stop_1");
      const truth = yes(stoppedAt(s, "london-0", "stop_1"));
      const careful = yes(provenAt(s, "london-0", "stop_1"));
      s.cross("london-0", "trepctl -service nyc online");
      s.wait(10);
      s.cluster("nyc-0", "replicator stop");
      s.cluster("nyc-0", "replicator start");
      s.wait(20);
      const said = s.cross("london-0", "mysql -e 'SELECT name FROM tungsten_nyc.heartbeat'");
      return { said, truth, naive: yes(said.out.trim() === "stop_1"), careful };
    },
  },
  {
    name: "heartbeat-called-none",
    tool,
    cites: ["observed §3.2"],
    lie: "A heartbeat without a name is called NONE, which everywhere else means: nothing there.",
    asks: "has a heartbeat arrived?",
    naive: "reads NONE as no heartbeat",
    careful: "sees the row's seqno move on",
    show(s) {
      const before = s.heartbeat("london-0", schema).seqno;
      s.cluster("nyc-0", "trepctl heartbeat");
      s.wait(5);
      const said = s.cross("london-0", "mysql -e 'SELECT name FROM tungsten_nyc.heartbeat'");
      const kept = s.host("london-0").mysql.schemas.get(schema);
      return {
        said,
        truth: yes(typeof kept === "object" && String(kept.heartbeat?.seqno) !== before),
        naive: yes(said.out.trim() !== "NONE"),
        careful: yes(s.heartbeat("london-0", schema).seqno !== before),
      };
    },
  },
];
