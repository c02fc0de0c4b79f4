/** Lies of `trepctl status` and its sisters: blank positions, words that match too much, numbers that grow or stand still. */
import { strike } from "../faults.ts";
import type { Lie } from "./lie.ts";
import { feed, insertPositionAtSource, schema } from "./recipes.ts";
import { quiesce, type Said } from "./stage.ts";

const tool = "trepctl status";

/** The value of a key in trepctl's text, as grep and cut find it: up to the end of its line. */
const firstLineOf = ({ out }: Said, key: string): string =>
  new RegExp(`^${key} *: (.*)$`, "m").exec(out)?.[1] ?? "";

const yes = (is: boolean): string => (is ? "yes" : "no");

export const readingLies: readonly Lie[] = [
  {
    name: "blank-position",
    tool,
    cites: ["observed §3.2", "cli §0.5"],
    lie: "While a service is OFFLINE its appliedLastSeqno is -1, whatever it applied.",
    asks: "where does the feed stand?",
    naive: "reads appliedLastSeqno",
    careful: "reads the tracking table",
    show(s) {
      quiesce(s);
      s.cross("london-0", "trepctl -service nyc offline");
      s.wait(3);
      const said = s.cross("london-0", "trepctl -service nyc status");
      const kept = s.host("london-0").mysql.schemas.get(schema);
      return {
        said,
        line: "appliedLastSeqno",
        truth: String(typeof kept === "object" ? kept.commit?.seqno : "none"),
        naive: firstLineOf(said, "appliedLastSeqno"),
        careful: String(s.commit("london-0", schema)?.seqno),
      };
    },
  },
  {
    name: "channels-blank",
    tool,
    cites: ["observed §3.2", "cli §0.5"],
    lie: "While a service is OFFLINE its channels are -1, which hides parallel apply.",
    asks: "is parallel apply on?",
    naive: "refuses where channels > 1",
    careful: "reads the configured channels",
    show(s) {
      const { crossSite } = s.host("london-0").volume.installed;
      if (crossSite !== undefined) crossSite.channels = 5;
      s.cross("london-0", "trepctl -service nyc offline");
      s.wait(3);
      const said = s.cross("london-0", "trepctl -service nyc status");
      const configured = Number(/^parallel=(\d+)/m.exec(s.look("london-0", "installed crossSite").out)?.[1]);
      return {
        said,
        line: "channels",
        truth: yes((crossSite?.channels ?? 1) > 1),
        naive: yes(Number(firstLineOf(said, "channels")) > 1),
        careful: yes(configured > 1),
      };
    },
  },
  {
    name: "grep-online",
    tool,
    cites: ["observed §3.2", "observed §5"],
    lie: "A service in OFFLINE:ERROR prints ONLINE too: where it is about to go.",
    asks: "is the feed online?",
    naive: "greps the status for ONLINE",
    careful: "compares the value of state",
    show(s) {
      strike(s.world, "service-error", "london-0");
      const said = s.cross("london-0", "trepctl -service nyc status");
      return {
        said,
        line: "transitioningTo",
        truth: yes(s.service("london-0", feed).state === "ONLINE"),
        naive: yes(said.out.includes("ONLINE")),
        careful: yes(s.status("london-0", feed)?.state === "ONLINE"),
      };
    },
  },
  {
    name: "json-strings",
    tool,
    cites: ["observed §3.2"],
    lie: 'Every value in trepctl\'s JSON is a string: "false" is true to a program.',
    asks: "does the local service recover by itself?",
    naive: "if (status.autoRecoveryEnabled) …",
    careful: 'compares with "true"',
    show(s) {
      const said = s.cluster("nyc-1", "trepctl status -json");
      const { autoRecoveryEnabled } = JSON.parse(said.out) as { autoRecoveryEnabled?: unknown };
      strike(s.world, "mysql-down", "nyc-1");
      s.wait(3);
      strike(s.world, "mysql-up", "nyc-1");
      s.wait(60);
      return {
        said,
        truth: yes(s.service("nyc-1", "nyc", "cluster").state === "ONLINE"),
        naive: yes(Boolean(autoRecoveryEnabled)),
        careful: yes(autoRecoveryEnabled === "true"),
      };
    },
  },
  {
    name: "value-of-several-lines",
    tool,
    cites: ["observed §3.2"],
    lie: "A value may go on in lines without a key: what failed to apply stands there.",
    asks: "which table refused the row?",
    naive: "takes the line with the key",
    careful: "reads the value to its end",
    show(s) {
      insertPositionAtSource(s);
      s.wait(120);
      const said = s.cross("london-0", "trepctl -service nyc status");
      const whole = s.status("london-0", feed)?.pendingExceptionMessage ?? "";
      const table = (text: string) =>
        /INSERT INTO `(\w+)`\.`(\w+)`/.exec(text)?.slice(1).join(".") ?? "not said";
      return {
        said,
        line: "pendingExceptionMessage",
        truth: table(s.service("london-0", feed).error?.text ?? ""),
        naive: table(firstLineOf(said, "pendingExceptionMessage")),
        careful: table(whole),
      };
    },
  },
  {
    name: "errors-on-stdout",
    tool,
    cites: ["cli §0.2", "observed §3.2"],
    lie: "trepctl prints its errors on stdout; stderr stays empty.",
    asks: "did the call fail?",
    naive: "looks whether stderr is empty",
    careful: "looks at the exit code",
    show(s) {
      const said = s.cross("london-0", "trepctl -service tokyo status");
      return { said, truth: "yes", naive: yes(said.err !== ""), careful: yes(said.code !== 0) };
    },
  },
  {
    name: "operation-failed-null",
    tool,
    cites: ["observed §3.2"],
    lie: "A service that is not there is `Operation failed: null`, exit 1, after ten dots: as if the replicator were sick.",
    asks: "is the replicator down?",
    naive: "takes exit 1 and dots for down",
    careful: "asks for the list of services",
    show(s) {
      const said = s.cross("london-0", "trepctl -service tokyo status");
      const services = s.look("london-0", "trepctl crossSite services -full -json");
      return {
        said,
        line: "..........",
        truth: yes(s.host("london-0").replicators.crossSite === undefined),
        naive: yes(said.code !== 0),
        careful: yes(services.code !== 0),
      };
    },
  },
  {
    name: "section-is-no-service",
    tool,
    cites: ["observed §2.5"],
    lie: "Section [nyc_london] of the ini runs as service `nyc`; by the section's name trepctl finds nothing.",
    asks: "does the feed of [nyc_london] run?",
    naive: "asks for service nyc_london",
    careful: "finds it by clusterName",
    show(s) {
      const said = s.cross("london-0", "trepctl -service nyc_london status");
      const fields = s.status("london-0", feed);
      return {
        said,
        line: "..........",
        truth: yes(s.service("london-0", feed).state === "ONLINE"),
        naive: yes(said.code === 0),
        careful: yes(fields?.clusterName === "nyc_london" && fields.state === "ONLINE"),
      };
    },
  },
  {
    name: "down-is-not-lost",
    tool,
    cites: ["conversion §4c", "observed §3.2"],
    lie: "With the replicator down trepctl fails; the position is there all the same, and valid.",
    asks: "is the feed's position known?",
    naive: "takes the failure for no position",
    careful: "asks dsctl, which needs no replicator",
    show(s) {
      s.cross("london-0", "replicator stop");
      const said = s.cross("london-0", "trepctl -service nyc status");
      const kept = s.look("london-0", "dsctl crossSite -service nyc get");
      const truth = s.host("london-0").mysql.schemas.get(schema);
      return {
        said,
        line: "..........",
        truth: yes(typeof truth === "object" && truth.commit !== null),
        naive: yes(said.code === 0),
        careful: yes(kept.code === 0 && JSON.parse(kept.out).length === 1),
      };
    },
  },
  {
    name: "relative-latency-grows",
    tool,
    cites: ["observed §3.2"],
    lie: "relativeLatency of an idle system grows for ever: it is the age of the last write.",
    asks: "is the feed behind?",
    naive: "alarms at relativeLatency > 60",
    careful: "compares seqnos with the source",
    show(s) {
      quiesce(s, 300);
      const said = s.cross("london-0", "trepctl -service nyc status");
      const seqnos = [s.commit("nyc-0", schema)?.seqno, s.commit("london-0", schema)?.seqno];
      const { lastOfOrigin } = s.host("london-0").mysql;
      const last = (s.world.sites.get("nyc")?.client.next ?? 0) - 1;
      return {
        said,
        line: "relativeLatency",
        truth: yes(lastOfOrigin.get("nyc") !== last),
        naive: yes(Number(firstLineOf(said, "relativeLatency")) > 60),
        careful: yes(seqnos[0] !== seqnos[1]),
      };
    },
  },
  {
    name: "applied-latency-stands",
    tool,
    cites: ["observed §3.2", "observed §5"],
    lie: "appliedLatency stays at the last event's: a feed that lost its source is as fast as ever.",
    asks: "is the feed behind?",
    naive: "alarms at appliedLatency > 60",
    careful: "compares seqnos with the source",
    show(s) {
      strike(s.world, "link-cut", "london-0");
      s.wait(120);
      const said = s.cross("london-0", "trepctl -service nyc status");
      const seqnos = [s.commit("nyc-0", schema)?.seqno ?? 0, s.commit("london-0", schema)?.seqno ?? 0];
      const last = (s.world.sites.get("nyc")?.client.next ?? 0) - 1;
      return {
        said,
        line: "appliedLatency",
        truth: yes(last - (s.host("london-0").mysql.lastOfOrigin.get("nyc") ?? 0) > 60),
        naive: yes(Number(firstLineOf(said, "appliedLatency")) > 60),
        careful: yes(Number(seqnos[0]) - Number(seqnos[1]) > 60),
      };
    },
  },
];
