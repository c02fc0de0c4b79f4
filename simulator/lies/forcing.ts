/** Lies of repairs by `trepctl online`: texts that come late or from another try, force that loses rows or does nothing, skips in silence. */
import { strike } from "../faults.ts";
import type { Lie } from "./lie.ts";
import { feed, laggard, schema, strangers } from "./recipes.ts";
import { missingAt, quiesce, type Stage } from "./stage.ts";

const tool = "trepctl online and offline";

/** The source's event at a seqno, as the operator asks for it. */
const eventIdAt = (s: Stage, seqno: number): string => {
  const { code, out } = s.look("nyc-0", `thl cluster -service nyc list -seqno ${seqno} -headers -json`);
  return code === 0 ? (JSON.parse(out)[0]?.eventId ?? "none") : "none";
};

export const forcingLies: readonly Lie[] = [
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
