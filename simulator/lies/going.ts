/** Lies of `trepctl online` and `offline`: accepted is not done, refused is not broken, forced is not mended. */
import { strike } from "../faults.ts";
import type { Lie } from "./lie.ts";
import { feed, schema, stopReaders, strangers } from "./recipes.ts";
import { missingAt, quiesce, type Stage } from "./stage.ts";

const tool = "trepctl online and offline";

/** The source's event at a seqno, as the operator asks for it. */
const eventIdAt = (s: Stage, seqno: number): string => {
  const { code, out } = s.look("nyc-0", `thl cluster -service nyc list -seqno ${seqno} -headers -json`);
  return code === 0 ? (JSON.parse(out)[0]?.eventId ?? "none") : "none";
};

export const goingLies: readonly Lie[] = [
  {
    name: "online-exit-0",
    tool,
    cites: ["observed §3.2", "observed §5"],
    lie: "`online` exits 0 and prints nothing; seconds later the service is in OFFLINE:ERROR.",
    asks: "is the feed online?",
    naive: "takes exit 0 of online as online",
    careful: "waits, then reads the state",
    show(s) {
      strangers(s);
      const said = s.cross("london-0", "trepctl -service nyc online");
      s.wait(30);
      return {
        said,
        truth: s.service("london-0", feed).state,
        naive: said.code === 0 ? "ONLINE" : "not",
        careful: s.status("london-0", feed)?.state ?? "unknown",
      };
    },
  },
  {
    name: "offline-returns-early",
    tool,
    cites: ["observed §3.2"],
    lie: "`offline` exits 0 while the service is still ONLINE and applying.",
    asks: "has the feed stopped?",
    naive: "takes exit 0 of offline as stopped",
    careful: "reads the state",
    show(s) {
      const said = s.cross("london-0", "trepctl -service nyc offline");
      return {
        said,
        careful: s.status("london-0", feed)?.state === "ONLINE" ? "no" : "yes",
        truth: s.service("london-0", feed).state === "ONLINE" ? "no" : "yes",
        naive: said.code === 0 ? "yes" : "no",
      };
    },
  },
  {
    name: "online-when-online",
    tool,
    cites: ["observed §3.2", "cli §0.3"],
    lie: "`online` on an ONLINE service exits 1: it is not idempotent.",
    asks: "is the feed broken?",
    naive: "takes exit 1 for a failure",
    careful: "reads the state",
    show(s) {
      const said = s.cross("london-0", "trepctl -service nyc online");
      return {
        said,
        truth: s.service("london-0", feed).state === "ONLINE" ? "no" : "yes",
        naive: said.code === 0 ? "no" : "yes",
        careful: s.status("london-0", feed)?.state === "ONLINE" ? "no" : "yes",
      };
    },
  },
  {
    name: "offline-wipes-error",
    tool,
    cites: ["cli §0.3"],
    lie: "`offline` on OFFLINE:ERROR exits 0, makes it OFFLINE:NORMAL and wipes the error text.",
    asks: "was something wrong with the feed?",
    naive: "reads pendingError afterwards",
    careful: "reads it before it acts",
    show(s) {
      strangers(s);
      s.cross("london-0", "trepctl -service nyc online");
      s.wait(30);
      const before = s.status("london-0", feed)?.pendingError;
      const truth = s.service("london-0", feed).error === null ? "no" : "yes";
      const said = s.cross("london-0", "trepctl -service nyc offline");
      const after = s.status("london-0", feed)?.pendingError;
      return {
        said,
        truth,
        naive: after === "NONE" ? "no" : "yes",
        careful: before === "NONE" ? "no" : "yes",
      };
    },
  },
  {
    name: "offline-does-not-stick",
    tool,
    cites: ["cli §1.4"],
    lie: "`offline` exits 0 and holds, until under AUTOMATIC a manager brings the service back.",
    asks: "will the local service stay offline?",
    naive: "waits until it is OFFLINE:NORMAL",
    careful: "reads the policy first",
    stage: { policy: "AUTOMATIC" },
    show(s) {
      const said = s.cluster("nyc-1", "trepctl offline");
      const waited = s.cluster("nyc-1", "trepctl wait -state OFFLINE:NORMAL -limit 30");
      const policy = /COORDINATOR\[[\w-]+:(\w+):/.exec(s.look("nyc-1", "cctrl ls").out)?.[1];
      s.wait(30);
      return {
        said,
        truth: s.service("nyc-1", feed, "cluster").state === "OFFLINE:NORMAL" ? "yes" : "no",
        naive: waited.code === 0 ? "yes" : "no",
        careful: policy === "MAINTENANCE" ? "yes" : "no",
      };
    },
  },
  {
    name: "role-search",
    tool,
    cites: ["observed §2.5", "conversion §3"],
    lie: "Where only the source's primary answers, a feed is GOING-ONLINE for thirty seconds, without a word why.",
    asks: "will it come online by itself?",
    naive: "gives up after ten seconds",
    careful: "allows it the role search, then looks",
    show(s) {
      stopReaders(s);
      s.cluster("nyc-1", "replicator stop");
      const said = s.cross("london-0", "trepctl -service nyc online");
      const waited = s.cross("london-0", "trepctl -service nyc wait -state ONLINE -limit 10");
      s.wait(30);
      return {
        said: { ...said, ...waited },
        careful: s.status("london-0", feed)?.state === "ONLINE" ? "yes" : "no",
        truth: s.service("london-0", feed).state === "ONLINE" ? "yes" : "no",
        naive: waited.code === 0 ? "yes" : "no",
      };
    },
  },
  {
    name: "going-online-for-ever",
    tool,
    cites: ["observed §5"],
    lie: "A feed whose source is gone is GOING-ONLINE:SYNCHRONIZING for ever, with no error.",
    asks: "does the feed need somebody?",
    naive: "looks for a pendingError",
    careful: "sets timeInStateSeconds a limit",
    show(s) {
      for (const host of ["nyc-0", "nyc-1"]) s.cluster(host, "replicator stop");
      s.wait(900);
      const said = s.cross("london-0", "trepctl -service nyc status");
      const fields = s.status("london-0", feed);
      const stuck = fields?.state !== "ONLINE" && Number(fields?.timeInStateSeconds) > 300;
      return {
        said,
        line: "pendingError ",
        truth: s.service("london-0", feed).state === "ONLINE" ? "no" : "yes",
        naive: fields?.pendingError === "NONE" ? "no" : "yes",
        careful: stuck ? "yes" : "no",
      };
    },
  },
  {
    name: "one-bad-sample",
    tool,
    cites: ["observed §5"],
    lie: "OFFLINE:ERROR is shown between two automatic tries; it mends itself.",
    asks: "is the feed broken for good?",
    naive: "believes one sample",
    careful: "sees transitioningTo, looks again",
    show(s) {
      strike(s.world, "service-error", "london-0");
      const said = s.cross("london-0", "trepctl -service nyc status");
      const first = s.status("london-0", feed);
      s.wait(12);
      const again = first?.transitioningTo === "" ? first : s.status("london-0", feed);
      return {
        said,
        line: "state ",
        truth: s.service("london-0", feed).state === "ONLINE" ? "no" : "yes",
        naive: first?.state === "OFFLINE:ERROR" ? "yes" : "no",
        careful: again?.state === "ONLINE" ? "no" : "yes",
      };
    },
  },
  {
    name: "error-text-late",
    tool,
    cites: ["conversion §3"],
    lie: "The first status after a failed `online` has the state and no text; the text comes after the retries.",
    asks: "why is the feed in error?",
    naive: "reads the first status",
    careful: "reads on until no try is due",
    show(s) {
      strangers(s);
      s.cross("london-0", "trepctl -service nyc online");
      s.wait(4);
      const said = s.cross("london-0", "trepctl -service nyc status");
      const first = s.status("london-0", feed)?.pendingExceptionMessage ?? "";
      s.wait(30);
      const later = s.status("london-0", feed)?.pendingExceptionMessage ?? "";
      const why = (text: string) => (/epoch numbers do not match/.test(text) ? "epochs differ" : "no reason");
      return {
        said,
        line: "pendingExceptionMessage",
        truth: why(s.service("london-0", feed).error?.text ?? ""),
        naive: why(first),
        careful: why(later),
      };
    },
  },
  {
    name: "force-loses-rows",
    tool,
    cites: ["observed §5", "conversion §3"],
    lie: "`online -force` clears an epoch error: ONLINE, no error, and the rows in between are lost.",
    asks: "may the feed be forced?",
    naive: "forces on an epoch error, sees ONLINE",
    careful: "compares EVENTIDs at its seqno first",
    show(s) {
      strangers(s);
      const commit = s.commit("london-0", schema);
      const same = commit !== null && eventIdAt(s, commit.seqno) === commit.eventId;
      const said = s.cross("london-0", "trepctl -service nyc online -force");
      s.wait(10);
      const state = s.status("london-0", feed)?.state;
      quiesce(s);
      return {
        said,
        truth: missingAt(s, "london-0", "nyc") > 0 ? "no" : "yes",
        naive: state === "ONLINE" ? "yes" : "no",
        careful: same ? "yes" : "no",
      };
    },
  },
  {
    name: "force-does-not-help",
    tool,
    cites: ["conversion §3", "conversion §4c"],
    lie: "`online -force` exits 0 where the event is not in the log dialled any more; it changes nothing.",
    asks: "is the feed mended?",
    naive: "takes exit 0 of -force",
    careful: "reads the state afterwards",
    show(s) {
      laggard(s);
      s.wait(40);
      const said = s.cross("london-1", "trepctl -service nyc online -force");
      s.wait(30);
      return {
        said,
        truth: s.service("london-1", feed).state === "ONLINE" ? "yes" : "no",
        naive: said.code === 0 ? "yes" : "no",
        careful: s.status("london-1", feed)?.state === "ONLINE" ? "yes" : "no",
      };
    },
  },
  {
    name: "text-of-another-try",
    tool,
    cites: ["conversion §3"],
    lie: "After `-force` the automatic tries are plain: the text shown may be of one that was not forced.",
    asks: "was the forced try refused for its epoch?",
    naive: "reads the text after -force",
    careful: "sees that autoRecoveryTotal moved on",
    show(s) {
      strangers(s);
      const before = s.status("london-0", feed)?.autoRecoveryTotal;
      const said = s.cross("london-0", "trepctl -service nyc online -force");
      strike(s.world, "mysql-down", "london-0");
      s.wait(3);
      const forced = s.service("london-0", feed).error?.text ?? "";
      strike(s.world, "mysql-up", "london-0");
      s.wait(40);
      const fields = s.status("london-0", feed);
      const epochs = /epoch numbers do not match/;
      const own = fields?.autoRecoveryTotal === before;
      return {
        said,
        truth: epochs.test(forced) ? "yes" : "no",
        naive: epochs.test(fields?.pendingExceptionMessage ?? "") ? "yes" : "no",
        careful: own && epochs.test(fields?.pendingExceptionMessage ?? "") ? "yes" : "no",
      };
    },
  },
  {
    name: "skip-is-silent",
    tool,
    cites: ["observed §3.2"],
    lie: "`online -skip-seqno` exits 0, the feed is ONLINE at the newest seqno, and a row is missing.",
    asks: "has london all rows of nyc?",
    naive: "compares seqnos",
    careful: "counts rows on both sides",
    show(s) {
      const said = skipOne(s);
      quiesce(s);
      const count = (host: string) =>
        s.cluster(host, "mysql -e \"SELECT COUNT(*) FROM shop.t WHERE origin='nyc'\"").out;
      const seqnos = [s.commit("nyc-0", schema)?.seqno, s.commit("london-0", schema)?.seqno];
      return {
        said,
        truth: missingAt(s, "london-0", "nyc") === 0 ? "yes" : "no",
        naive: seqnos[0] === seqnos[1] ? "yes" : "no",
        careful: count("nyc-0") === count("london-0") ? "yes" : "no",
      };
    },
  },
  {
    name: "silent-drift",
    tool: "replication",
    cites: ["observed §5"],
    lie: "An UPDATE whose row is missing is a warning in a log; the feed stays ONLINE without an error.",
    asks: "is the row alike on both sides?",
    naive: "sees ONLINE and no error",
    careful: "reads the row on both sides",
    show(s) {
      skipOne(s);
      s.wait(5);
      const { rows } = s.host("london-0").mysql;
      const lost = s.world.sites.get("nyc")?.client.acknowledged.find((tx) => !rows.has(tx)) ?? "";
      s.cluster("nyc-0", `mysql -e "UPDATE shop.t SET v='new' WHERE id='${lost}'"`);
      s.wait(5);
      const fields = s.status("london-0", feed);
      const said = s.cross("london-0", "trepctl -service nyc status");
      const value = (host: string) =>
        s.cluster(host, `mysql -e "SELECT v FROM shop.t WHERE id='${lost}'"`).out;
      return {
        said,
        line: "state ",
        truth: s.host("nyc-0").mysql.rows.has(lost) === rows.has(lost) ? "yes" : "no",
        naive: fields?.state === "ONLINE" && fields.pendingError === "NONE" ? "yes" : "no",
        careful: value("nyc-0") === value("london-0") ? "yes" : "no",
      };
    },
  },
];

/** One event of nyc is left out at london-0, by hand. */
function skipOne(s: Stage) {
  s.cross("london-0", "trepctl -service nyc offline");
  s.wait(3);
  const next = (s.commit("london-0", schema)?.seqno ?? 0) + 1;
  const said = s.cross("london-0", `trepctl -service nyc online -skip-seqno ${next}`);
  s.wait(5);
  return said;
}

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
