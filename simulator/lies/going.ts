/** Lies of `trepctl online` and `offline`: accepted is not done, refused is not broken, forced is not mended. */
import { strike } from "../faults.ts";
import type { Lie } from "./lie.ts";
import { feed, stopReaders, strangers } from "./recipes.ts";

const tool = "trepctl online and offline";

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
];
