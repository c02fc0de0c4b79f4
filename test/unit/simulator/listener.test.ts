/** What the listener of a simulated node on real ground answers: nothing to a reader that does not speak as it does. */
import { expect, test } from "@jest/globals";
import { serveReader } from "../../../simulator/node/answers.ts";

const nodeThat = (secured: boolean) =>
  ({
    node: {
      name: "nyc-0",
      replicators: {
        cluster: {
          services: new Map([
            ["nyc", { name: "nyc", product: "cluster", state: "ONLINE", readers: new Map() }],
          ]),
        },
      },
      volume: { installed: { cluster: { secured } } },
    },
    thl: { ends: () => null, at: () => undefined },
    ambient: { now: 0 },
  }) as unknown as Parameters<typeof serveReader>[0];

const asked = (client: string, secured: boolean) =>
  ({
    ask: "fetch",
    upstream: { host: "nyc-0", product: "cluster", service: "nyc" },
    standing: { seqno: -1 },
    client,
    secured,
  }) as unknown as Parameters<typeof serveReader>[1];

test.each([
  ["both with TLS", true, "nyc-1", true, true],
  ["both without", false, "nyc-1", false, true],
  ["a reader without at a listener with", true, "nyc-1", false, false],
  ["a reader with at a listener without", false, "nyc-1", true, false],
  ["its own other product, which needs no line", true, "nyc-0", false, true],
] as const)("%s", (_what, listener, client, reader, answered) => {
  const said = serveReader(nodeThat(listener), asked(client, reader));
  expect(said !== null).toBe(answered);
});
