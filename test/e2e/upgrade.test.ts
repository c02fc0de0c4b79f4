/** Another release and the conversion in one run on real pods: the images come first, one node after the other, Tungsten's update with the conversion. */
import { describe, expect, test } from "@jest/globals";
import { nodeImage, sampleRelease } from "../../local/pods/simulated-node.ts";
import { liveEstate } from "./live.ts";

const release = "8.0.5-140";

describe("an MSAA estate that gets another release with its conversion, on real pods", () => {
  const sites = ["nyc", "london"];
  const live = liveEstate({ namespace: "upgrade", sites, nodesPerSite: 2 });
  const { asked, edited, kubectl, told, underLoad } = live;

  async function packagesCome(): Promise<void> {
    const image = nodeImage.replace(/:.*/, ":next");
    await live.provideNode({ name: image, releases: [sampleRelease, release] });
    const changes = { dataserver: "Automatic" };
    for (const site of sites) await edited(site, { image, release, changes }, "DatabaseCurrent");
  }

  async function converted(): Promise<void> {
    await asked("convert-to-caa", "convertMsaaToCaa", {});
    for (const site of sites) await told(site, "ReleaseCurrent");
    await kubectl("wait", "csvc", "global", "--for=condition=Ready", "--timeout=120s");
    const form = "jsonpath={.items[*].status.topology}";
    expect(await kubectl("get", "tc", "-o", form)).toBe("CAA CAA");
  }

  const story: readonly (readonly [string, () => Promise<void>])[] = [
    ["the packages come to every node with an image", packagesCome],
    ["MSAA to CAA at the new release", converted],
  ];
  test.each(story)("%s", (_what, run) => underLoad(run), 12 * 60_000);
});
