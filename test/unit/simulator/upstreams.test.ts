/** Where a simulated site's connectors send writes. */
import { expect, test } from "@jest/globals";
import type { Node } from "../../../simulator/state.ts";
import { writesTo } from "../../../simulator/upstreams.ts";

const node = (cluster: Partial<Node["cluster"]>): Node =>
  ({
    cluster: { primary: "london-0", ...cluster },
    volume: { installed: { cluster: { masters: { nyc: "nyc-0", london: "london-0" } } } },
  }) as unknown as Node;

test.each([
  ["a site that writes", {}, "london-0"],
  ["a passive site, by its ini", { relaySource: "nyc" }, "nyc-0"],
  [
    "a passive site whose managers were told of another primary",
    { relaySource: "nyc", relayFrom: "nyc-1" },
    "nyc-1",
  ],
])("%s", (_what, cluster, host) => {
  expect(writesTo(node(cluster))).toBe(host);
});
