/** Lies about how a service stands: ONLINE without a database, safe after a wiped error, listed and not there. */
import { strike } from "../faults.ts";
import type { Lie } from "./lie.ts";
import { breakFeed, feed, schema, strangers } from "./recipes.ts";

const tool = "trepctl status";
const yes = (is: boolean): string => (is ? "yes" : "no");

export const standingLies: readonly Lie[] = [
  {
    name: "online-without-database",
    tool,
    cites: ["observed §3.2", "observed §5"],
    lie: "A primary's service stays ONLINE for a while after its database went down.",
    asks: "is nyc's primary well?",
    naive: "sees ONLINE and no error",
    careful: "sees currentEventId, asks the database",
    show(s) {
      strike(s.world, "mysql-down", "nyc-0");
      s.wait(15);
      const said = s.cluster("nyc-0", "trepctl status");
      const fields = s.status("nyc-0", "nyc", "cluster");
      const well = fields?.currentEventId !== "ERROR" && s.look("nyc-0", "sql read-only").code === 0;
      return {
        said,
        line: "state ",
        truth: yes(s.host("nyc-0").mysql.up),
        naive: yes(fields?.state === "ONLINE" && fields.pendingError === "NONE"),
        careful: yes(well),
      };
    },
  },
  {
    name: "database-back-service-not",
    tool,
    cites: ["conversion §5"],
    lie: "A restarted MySQL leaves the local service of a primary in OFFLINE:ERROR; nothing recovers it.",
    asks: "does nyc replicate again?",
    naive: "asks MySQL, which is up",
    careful: "asks the service, after a while",
    show(s) {
      strike(s.world, "mysql-down", "nyc-0");
      s.wait(5);
      strike(s.world, "mysql-up", "nyc-0");
      s.wait(60);
      const said = s.cluster("nyc-0", "mysql -e 'SELECT @@read_only'");
      return {
        said,
        truth: yes(s.service("nyc-0", "nyc", "cluster").state === "ONLINE"),
        naive: yes(said.code === 0),
        careful: yes(s.status("nyc-0", "nyc", "cluster")?.state === "ONLINE"),
      };
    },
  },
  {
    name: "unloaded-service",
    tool,
    cites: ["observed §3.2"],
    lie: "An unloaded service is listed with every field Unknown, and exit 0: neither OFFLINE nor in error.",
    asks: "do all feeds of london-0 run?",
    naive: "greps services for OFFLINE",
    careful: "wants ONLINE of every service",
    show(s) {
      s.cross("london-0", "trepctl -service nyc offline");
      s.wait(3);
      s.cross("london-0", "trepctl -service nyc unload -y");
      const said = s.cross("london-0", "trepctl services");
      return {
        said,
        line: "state ",
        truth: yes(s.host("london-0").replicators.crossSite?.services.has(feed) === true),
        naive: yes(said.code === 0 && !said.out.includes("OFFLINE")),
        careful: yes(s.status("london-0", feed)?.state === "ONLINE"),
      };
    },
  },
  {
    name: "safely-offline",
    tool,
    cites: ["observed §3.2"],
    lie: "`qs` calls safe whatever is OFFLINE:NORMAL, an error wiped a moment ago too.",
    asks: "did the feed stop where it should?",
    naive: "reads `Safely Offline`",
    careful: "reads the heartbeat row",
    show(s) {
      breakFeed(s, "london-0");
      s.cross("london-0", "trepctl -service nyc offline-deferred -at-heartbeat stop_1");
      s.cluster("nyc-0", "trepctl heartbeat -name stop_1");
      s.wait(5);
      const said = s.cross("london-0", "trepctl -service nyc qs");
      const kept = s.host("london-0").mysql.schemas.get(schema);
      return {
        said,
        truth: yes(typeof kept === "object" && kept.heartbeat?.name === "stop_1"),
        naive: yes(said.out.includes("Safely Offline")),
        careful: yes(s.heartbeat("london-0", schema).name === "stop_1"),
      };
    },
  },
  {
    name: "seqno-minus-one-did-not-apply",
    tool,
    cites: ["observed §3.2"],
    lie: "`qs` of a refused handshake says `SEQNO -1 did not apply`: nothing was applied or refused.",
    asks: "did an event fail to apply?",
    naive: "reads `did not apply`",
    careful: "reads pendingErrorSeqno and the text",
    show(s) {
      strangers(s);
      s.cross("london-0", "trepctl -service nyc online");
      s.wait(30);
      const said = s.cross("london-0", "trepctl -service nyc qs");
      const fields = s.status("london-0", feed);
      return {
        said,
        line: "Error Reason",
        truth: yes((s.service("london-0", feed).error?.seqno ?? -1) >= 0),
        naive: yes(/did not apply/.test(said.out)),
        careful: yes(Number(fields?.pendingErrorSeqno) >= 0),
      };
    },
  },
];
