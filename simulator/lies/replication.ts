/** Lies of replication itself: services that are ONLINE without an error, and rows that are not there. */

import type { Lie } from "./lie.ts";
import {
  dumpOf,
  feed,
  insertPositionAtSource,
  laggard,
  newEpoch,
  rebuildSource,
  schema,
  stopAtHeartbeat,
  stopReaders,
} from "./recipes.ts";
import { missingAt, quiesce, type Stage, write } from "./stage.ts";

const tool = "replication";
const yes = (is: boolean): string => (is ? "yes" : "no");

const well = (s: Stage, host: string, product?: "cluster"): boolean => {
  const fields = s.status(host, feed, product);
  return fields?.state === "ONLINE" && fields.pendingError === "NONE";
};
const countOf = (s: Stage, host: string): number =>
  Number(s.cluster(host, "mysql -e \"SELECT COUNT(*) FROM shop.t WHERE origin='nyc'\"").out);
const whole = (s: Stage, host: string): string => yes(missingAt(s, host, "nyc") === 0);

/** A named heartbeat of the source, and whether it came. */
function heard(s: Stage, host: string, name: string, seconds = 30): boolean {
  s.cluster("nyc-0", `trepctl heartbeat -name ${name}`);
  s.wait(seconds);
  return s.heartbeat(host, schema).name === name;
}

export const replicationLies: readonly Lie[] = [
  {
    name: "source-reset-under-a-reader",
    tool,
    cites: ["observed §5"],
    lie: "A reader left ONLINE while its source is reset comes back to an empty log, is accepted, and waits for its number.",
    asks: "has nyc-1 all rows of nyc-0?",
    naive: "sees ONLINE and no error",
    careful: "counts rows on both nodes",
    show(s) {
      newEpoch(s);
      s.cluster("nyc-0", "trepctl offline");
      s.wait(3);
      s.cluster("nyc-0", "trepctl -service nyc reset -all -y");
      s.cluster("nyc-0", "trepctl online");
      s.wait(60);
      const said = s.cluster("nyc-1", "trepctl status");
      const naive = yes(well(s, "nyc-1", "cluster"));
      quiesce(s);
      const careful = yes(countOf(s, "nyc-0") === countOf(s, "nyc-1"));
      return { said, line: "state ", truth: whole(s, "nyc-1"), naive, careful };
    },
  },
  {
    name: "same-epoch-by-chance",
    tool,
    cites: ["observed §5"],
    lie: "Two logs that both begin with epoch 0 have nothing to object to in a handshake [inferred].",
    asks: "has london all rows of nyc?",
    naive: "takes a handshake without error",
    careful: "counts rows on both sides",
    show(s) {
      stopReaders(s);
      rebuildSource(s);
      s.cross("london-0", "trepctl -service nyc online");
      s.wait(10);
      const said = s.cross("london-0", "trepctl -service nyc status");
      const naive = yes(well(s, "london-0"));
      quiesce(s);
      const careful = yes(countOf(s, "nyc-0") === countOf(s, "london-0"));
      return { said, line: "state ", truth: whole(s, "london-0"), naive, careful };
    },
  },
  {
    name: "empty-log-accepts-anybody",
    tool,
    cites: ["conversion §3", "cli §8"],
    lie: "A server whose log is empty accepts any position and epoch; it looks only when its first event comes.",
    asks: "does the feed fit its server?",
    naive: "takes ONLINE for an accepted position",
    careful: "sends a heartbeat, waits for it",
    show: (s) => ({ ...quiet(s, 5), line: "state " }),
  },
  {
    name: "quiet-source-hides-a-gap",
    tool,
    cites: ["conversion §4i"],
    lie: "On a quiet site a feed that lacks events of the past is ONLINE, with the right pipelineSource, for hours.",
    asks: "will the next write of nyc arrive?",
    naive: "sees ONLINE for an hour, no error",
    careful: "sends a heartbeat, waits for it",
    show: (s) => ({ ...quiet(s, 3600), line: "pipelineSource" }),
  },
  {
    name: "connected-to-itself",
    tool,
    cites: ["observed §5"],
    lie: "The handshake does not compare service names: a service that reads its own listener is ONLINE, no error.",
    asks: "does nyc-1 get nyc-0's writes?",
    naive: "sees ONLINE and no error",
    careful: "compares pipelineSource with the primary",
    show(s) {
      s.cluster("nyc-1", "trepctl offline");
      s.wait(3);
      s.cluster("nyc-1", "trepctl setrole -role slave -uri thl://nyc-1:2112/");
      s.cluster("nyc-1", "trepctl online");
      s.wait(20);
      const said = s.cluster("nyc-1", "trepctl status");
      const source = s.status("nyc-1", feed, "cluster")?.pipelineSource;
      const naive = yes(well(s, "nyc-1", "cluster"));
      quiesce(s);
      return {
        said,
        line: "pipelineSource",
        truth: whole(s, "nyc-1"),
        naive,
        careful: yes(source === "thl://nyc-0:2112/"),
      };
    },
  },
  {
    name: "another-path",
    tool,
    cites: ["conversion §5"],
    lie: "A replica's feed reads its own primary's listener, or the source if that came later, and stays there: both ONLINE.",
    asks: "does london-1 read from london-0?",
    naive: "sees ONLINE, and london-0 first in the URI",
    careful: "reads pipelineSource",
    show(s) {
      s.cross("london-0", "replicator stop");
      s.cross("london-1", "replicator stop");
      s.cross("london-1", "replicator start");
      s.wait(10);
      s.cross("london-0", "replicator start");
      s.wait(10);
      const said = s.cross("london-1", "trepctl -service nyc status");
      const fields = s.status("london-1", feed);
      return {
        said,
        line: "masterConnectUri",
        truth: yes(s.service("london-1", feed).upstream?.host === "london-0"),
        naive: yes(fields?.state === "ONLINE" && /^thl:..london-0:/.test(fields.masterConnectUri ?? "")),
        careful: yes(/^thl:..london-0:/.test(fields?.pipelineSource ?? "")),
      };
    },
  },
  {
    name: "first-server-only",
    tool,
    cites: ["conversion §4c"],
    lie: "`does not contain requested transaction` speaks of the server dialled first; the source still has the event.",
    asks: "does nyc still have the next event?",
    naive: "believes the error text",
    careful: "asks thl info of nyc's own nodes",
    show(s) {
      laggard(s);
      s.cross("london-1", "trepctl -service nyc online");
      s.wait(30);
      const said = s.cross("london-1", "trepctl -service nyc status");
      const next = (s.commit("london-1", schema)?.seqno ?? 0) + 1;
      const min = Number(/min seq# = (\d+)/.exec(s.look("nyc-0", "thl cluster -service nyc info").out)?.[1]);
      const log = s.host("nyc-0").volume.thl.get("cluster/nyc") ?? [];
      return {
        said,
        line: "pendingExceptionMessage",
        truth: yes(log.some(({ seqno }) => seqno === next)),
        naive: yes(!said.out.includes("does not contain requested transaction")),
        careful: yes(min <= next),
      };
    },
  },
  {
    name: "begins-from-nothing",
    tool,
    cites: ["conversion §4a", "observed §3.2"],
    lie: "A service on an emptied schema makes its tables, goes ONLINE and applies the whole log once more.",
    asks: "may the feed go online?",
    naive: "takes ONLINE for a good start",
    careful: "wants a commit row first",
    show(s) {
      s.cross("london-0", "trepctl -service nyc offline");
      s.wait(3);
      s.cross("london-0", "trepctl -service nyc reset -all -y");
      const careful = yes(s.commit("london-0", schema) !== null);
      const said = s.cross("london-0", "trepctl -service nyc online");
      s.wait(20);
      const doubled = [...s.host("london-0").mysql.rows].some(([tx, n]) => tx.startsWith("nyc:") && n > 1);
      return { said, truth: yes(!doubled), naive: yes(well(s, "london-0")), careful };
    },
  },
  {
    name: "logged-restore-spreads",
    tool,
    cites: ["conversion §4d"],
    lie: "A tracking schema reloaded with the binary log on overwrites the row of the site's other nodes: rows lost in silence.",
    asks: "has london-1 all rows of nyc?",
    naive: "sees ONLINE on both nodes, no error",
    careful: "counts rows on both nodes",
    show(s) {
      loggedRestore(s);
      const said = s.cross("london-1", "trepctl -service nyc status");
      const naive = yes(well(s, "london-0") && well(s, "london-1"));
      quiesce(s);
      const careful = yes(countOf(s, "london-0") === countOf(s, "london-1"));
      return { said, line: "state ", truth: whole(s, "london-1"), naive, careful };
    },
  },
  {
    name: "counters-agree",
    tool,
    cites: ["conversion §4d"],
    lie: "A counter in a table agrees on all nodes although rows are lost: its last row image heals it.",
    asks: "has london-1 all rows of nyc?",
    naive: "compares a counter",
    careful: "counts rows on both nodes",
    show(s) {
      loggedRestore(s);
      quiesce(s);
      const counter = "mysql -e \"SELECT n FROM shop.counter WHERE origin='nyc'\"";
      const said = s.cluster("london-1", counter);
      return {
        said,
        truth: whole(s, "london-1"),
        naive: yes(said.out === s.cluster("nyc-0", counter).out),
        careful: yes(countOf(s, "nyc-0") === countOf(s, "london-1")),
      };
    },
  },
  {
    name: "position-set-at-a-primary",
    tool: "thl and dsctl",
    cites: ["conversion §3"],
    lie: "`dsctl set` on a source's primary goes through its binary log and stops every reader.",
    asks: "was only nyc-0 touched?",
    naive: "takes exit 0 for a local change",
    careful: "looks for logged tracking writes",
    show(s) {
      const [file = "", at = ""] = s.look("nyc-0", "sql binlog-position").out.trim().split("\t");
      const said = insertPositionAtSource(s);
      const logged = Number(s.look("nyc-0", `sql logged-tracking ${file} ${at}`).out);
      s.wait(120);
      return {
        said,
        truth: yes(s.service("london-0", feed).state === "ONLINE"),
        naive: yes(said.code === 0),
        careful: yes(logged === 0),
      };
    },
  },
];

/** london-1 a few hundred events behind, taken by london-0's fresh and empty log, while nyc is silent. */
function quiet(s: Stage, seconds: number) {
  s.cross("london-1", "trepctl -service nyc offline");
  s.wait(30);
  quiesce(s);
  s.cross("london-0", "trepctl -service nyc offline");
  s.wait(3);
  s.cross("london-0", "trepctl -service nyc reset -thl -y");
  s.cross("london-0", "trepctl -service nyc online");
  s.wait(10);
  s.cross("london-1", "trepctl -service nyc online");
  s.wait(seconds);
  const said = s.cross("london-1", "trepctl -service nyc status");
  const naive = yes(well(s, "london-1"));
  const careful = yes(heard(s, "london-1", "alive_1"));
  write(s, 2);
  s.wait(10);
  quiesce(s, 30);
  return { said, truth: whole(s, "london-1"), naive, careful };
}

/** Both nodes of london stop, their schema is lost and reloaded at london-0 by somebody who forgets the log, later than at london-1. */
function loggedRestore(s: Stage): void {
  stopAtHeartbeat(s, "stop_1");
  s.cross("london-0", "trepctl -service nyc online");
  s.wait(20);
  s.cross("london-0", "trepctl -service nyc offline");
  s.wait(3);
  s.cross("london-0", "mysql", dumpOf(s, "london-0"));
  s.wait(5);
  for (const host of ["london-0", "london-1"]) {
    s.cross(host, "trepctl -service nyc reset -thl -y");
    s.cross(host, "trepctl -service nyc online");
    s.wait(10);
  }
}
