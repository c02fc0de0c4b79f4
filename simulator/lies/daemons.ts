/** Lies of the control scripts: replicator start, stop, status, and startall. */
import type { Lie } from "./lie.ts";
import { feed, schema, strangers } from "./recipes.ts";

export const daemonLies: readonly Lie[] = [
  {
    name: "start-before-port",
    tool: "replicator",
    cites: ["observed §3.1"],
    lie: "`start` prints a pid and exits 0 before the management port answers.",
    asks: "can trepctl be used now?",
    naive: "takes exit 0 of start",
    careful: "asks once, without retries",
    show(s) {
      s.cross("london-0", "replicator stop");
      const said = s.cross("london-0", "replicator start");
      const answers = s.look("london-0", "trepctl crossSite services -full -json").code === 0;
      const { startedAt = 0 } = s.host("london-0").replicators.crossSite ?? {};
      return {
        said,
        truth: s.world.now - startedAt < 1500 ? "no" : "yes",
        naive: said.code === 0 ? "yes" : "no",
        careful: answers ? "yes" : "no",
      };
    },
  },
  {
    name: "start-when-up",
    tool: "replicator",
    cites: ["observed §3.1"],
    lie: "`start` exits 1 when the replicator runs already: what was wanted is reported as a failure.",
    asks: "does it run?",
    naive: "takes exit 1 for a failed start",
    careful: "asks `status` and reads the pid",
    show(s) {
      const said = s.cross("london-0", "replicator start");
      const status = s.look("london-0", "replicator crossSite status");
      return {
        said,
        truth: s.host("london-0").replicators.crossSite === undefined ? "no" : "yes",
        naive: said.code === 0 ? "yes" : "no",
        careful: /is running: PID/.test(status.out) ? "yes" : "no",
      };
    },
  },
  {
    name: "stop-when-down",
    tool: "replicator",
    cites: ["observed §3.1", "conversion §4c"],
    lie: "`stop` exits 0 when nothing ran: the feed was dead long before, and its position is old.",
    asks: "how long has the feed stood still?",
    naive: "takes exit 0 for the moment it stopped",
    careful: "compares its row with the source's log",
    show(s) {
      s.cross("london-0", "replicator stop");
      s.wait(60);
      const said = s.cross("london-0", "replicator stop");
      const behind = (s.commit("nyc-0", schema)?.seqno ?? 0) - (s.commit("london-0", schema)?.seqno ?? 0);
      const { lastOfOrigin } = s.host("london-0").mysql;
      const missed = (s.world.sites.get("nyc")?.client.next ?? 0) - 1 - (lastOfOrigin.get("nyc") ?? 0);
      return {
        said,
        truth: missed > 60 ? "a minute or more" : "since now",
        naive: said.code === 0 ? "since now" : "unknown",
        careful: behind > 60 ? "a minute or more" : "since now",
      };
    },
  },
  {
    name: "running-is-not-replicating",
    tool: "replicator",
    cites: ["observed §3.1", "observed §5"],
    lie: "`status` says running, `start` said so too; the service inside is OFFLINE:ERROR.",
    asks: "does london get nyc's writes?",
    naive: "greps the status for `running`",
    careful: "asks for the service's state",
    show(s) {
      strangers(s);
      s.cross("london-0", "replicator stop");
      s.cross("london-0", "replicator start");
      s.wait(30);
      const said = s.cross("london-0", "replicator status");
      const state = s.status("london-0", feed)?.state;
      return {
        said,
        truth: s.service("london-0", feed).state === "ONLINE" ? "yes" : "no",
        naive: said.out.includes("running") ? "yes" : "no",
        careful: state === "ONLINE" ? "yes" : "no",
      };
    },
  },
  {
    name: "startall-last-script",
    tool: "replicator",
    cites: ["cli §3"],
    lie: "`startall` exits with the code of its last script, whatever the others did.",
    asks: "did the replicator start?",
    naive: "takes exit 0 of startall",
    careful: "asks the replicator itself",
    show(s) {
      s.cluster("london-1", "connector stop");
      s.cluster("london-1", "manager stop");
      const { startedAt: before } = s.host("london-1").replicators.cluster ?? {};
      const said = s.cluster("london-1", "startall");
      const after = s.host("london-1").replicators.cluster?.startedAt;
      return {
        said,
        truth: after === before ? "no" : "yes",
        naive: said.code === 0 ? "yes" : "no",
        careful: /already started/.test(said.out) ? "no" : "yes",
      };
    },
  },
];
