/** A primary that is lost in the middle of writes, on real pods: a replica takes over, and the lost node is made anew. */
import { describe, test } from "@jest/globals";
import { liveEstate } from "./live.ts";
import { giveBack, inCctrl, losePods, secondWord } from "./losing.ts";

const limit = 12 * 60_000;

describe("a lost primary of an MSAA estate on real pods", () => {
  const live = liveEstate({ namespace: "failover", sites: ["nyc", "london"], nodesPerSite: 3 });
  const { asked, told, underLoad } = live;

  /** Nobody writes at nyc itself meanwhile: what only a lost node had is lost. What london wrote is at london. */
  async function failedOver(): Promise<void> {
    await inCctrl(live, "nyc-1", "set policy manual");
    await losePods(live, ["nyc-0"]);
    const word = secondWord(live, "failover-nyc", { oldPrimary: "nyc-0" });
    live.pods.splice(live.pods.indexOf("nyc-0"), 1);
    await asked("failover", "failover", {}, [word]);
    await giveBack(live, ["nyc-0"]);
  }

  /** It has come back as it was, perhaps with more than the new primary has; runbook: rebuild it from a replica. */
  async function madeAnew(): Promise<void> {
    const reprovision = { donor: "nyc-2", method: "xtrabackup" };
    await asked("fix-reprovision", "fixReplication", { nodes: ["nyc-0"], reprovision });
    await inCctrl(live, "nyc-1", "set policy automatic");
    live.pods.push("nyc-0");
    await told("nyc", "Ready");
  }

  const story: readonly (readonly [string, readonly string[], () => Promise<void>])[] = [
    ["Failover: nyc-1 takes over from a node that is gone", ["london"], failedOver],
    ["the lost node is made anew, and both sites write", ["nyc", "london"], madeAnew],
  ];
  test.each(story)(
    "%s",
    (_what, writing, run) => {
      live.sites.splice(0, live.sites.length, ...writing);
      return underLoad(run);
    },
    limit,
  );
});
