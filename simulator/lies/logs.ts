/** Lies of thl and dsctl. */
import type { Lie } from "./lie.ts";
import { feed, schema, strangers } from "./recipes.ts";
import { quiesce } from "./stage.ts";

const tool = "thl and dsctl";
const numberIn = (text: string, key: string): number => Number(new RegExp(`${key} = (\\d+)`).exec(text)?.[1]);

export const logLies: readonly Lie[] = [
  {
    name: "events-one-too-few",
    tool,
    cites: ["observed §3.3"],
    lie: "`thl info` counts max minus min: one event too few.",
    asks: "how many events does the log hold?",
    naive: "reads `events`",
    careful: "counts from min to max",
    show(s) {
      quiesce(s);
      const said = s.cluster("nyc-0", "thl info");
      return {
        said,
        line: "events",
        truth: String(s.host("nyc-0").volume.thl.get("cluster/nyc")?.length),
        naive: String(numberIn(said.out, "events")),
        careful: String(numberIn(said.out, "max seq#") - numberIn(said.out, "min seq#") + 1),
      };
    },
  },
  {
    name: "purge-says-deleted",
    tool,
    cites: ["observed §3.3"],
    lie: "`thl purge` says `Transactions deleted` and deletes nothing: only whole log files go.",
    asks: "is the disk space free?",
    naive: "reads `Transactions deleted`",
    careful: "asks thl info for min and size",
    show(s) {
      s.cross("london-0", "trepctl -service nyc offline");
      s.wait(3);
      const length = () => s.host("london-0").volume.thl.get(`crossSite/${feed}`)?.length ?? 0;
      const before = length();
      const min = () => numberIn(s.look("london-0", "thl crossSite -service nyc info").out, "min seq#");
      const first = min();
      const said = s.cross("london-0", "thl purge -low 0 -high 5 -y");
      return {
        said: { ...said, out: said.out.split("\n").slice(2).join("\n") },
        truth: length() < before ? "yes" : "no",
        naive: said.code === 0 && said.out.includes("Transactions deleted") ? "yes" : "no",
        careful: min() > first ? "yes" : "no",
      };
    },
  },
  {
    name: "position-set-is-not-enough",
    tool,
    cites: ["observed §5"],
    lie: "`dsctl get` shows the position just set; the service goes on from its log on disk, and is refused as before.",
    asks: "will the feed go on from there?",
    naive: "reads the position back",
    careful: "compares it with thl's max seqno",
    show(s) {
      strangers(s);
      const server = JSON.parse(
        s.look("nyc-0", "thl cluster -service nyc list -last -headers -json").out,
      ) as { seqno: number; epoch: number; eventId: string }[];
      const { seqno = 0, epoch = 0, eventId = "" } = server[0] ?? {};
      const words = `-seqno ${seqno} -epoch ${epoch} -event-id '${eventId}' -source-id nyc-0`;
      s.cross("london-0", `dsctl -service nyc set ${words} -reset`);
      const said = s.cross("london-0", "dsctl -service nyc get -ascmd");
      const log = numberIn(s.look("london-0", "thl crossSite -service nyc info").out, "max seq#");
      const careful = s.commit("london-0", schema)?.seqno === log ? "yes" : "no";
      s.cross("london-0", "trepctl -service nyc online");
      s.wait(30);
      return {
        said,
        truth: s.service("london-0", feed).state === "ONLINE" ? "yes" : "no",
        naive: said.out.includes(`-seqno ${seqno} `) ? "yes" : "no",
        careful,
      };
    },
  },
];
