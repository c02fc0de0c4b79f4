/** What of the local node can be judged without one: which addresses are free, which provider is meant, the volume for a claim. */
import { describe, expect, test } from "@jest/globals";
import { chooseProvider } from "../../../local/cluster.ts";
import { linkOf, overlaps } from "../../../local/node/link.ts";
import { volumeFor } from "../../../local/node/volumes.ts";

describe("a link's /24 and the machine's routes", () => {
  test.each([
    ["10.213.7.0/30", true],
    ["10.213.7.128/25", true],
    ["10.213.0.0/16", true],
    ["10.0.0.0/8", false],
    ["10.213.7.9", true],
    ["10.213.8.0/24", false],
    ["192.168.0.0/16", false],
    ["default", false],
    ["fe80::/64", false],
  ])("%s overlaps link 7: %s", (destination, expected) => {
    expect(overlaps(destination, linkOf(7))).toBe(expected);
  });
});

describe("the provider", () => {
  test.each(["kind", "node"])("E2E_PROVIDER=%s is taken at its word", async (wanted) => {
    expect(await chooseProvider(wanted)).toBe(wanted);
  });

  test("another word is refused with those there are", async () => {
    await expect(chooseProvider("minikube")).rejects.toThrow("use kind or node");
  });
});

test("a claim's volume is bound to that claim alone, as large and of the type on which fsGroup works", () => {
  const claim = {
    metadata: { name: "opt-nyc-0", namespace: "estate", uid: "u-1" },
    spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "5Gi" } } },
  };
  expect(volumeFor(claim, "/run/volumes/pvc-u-1")).toMatchObject({
    metadata: { name: "pvc-u-1" },
    spec: {
      capacity: { storage: "5Gi" },
      claimRef: { namespace: "estate", name: "opt-nyc-0", uid: "u-1" },
      local: { path: "/run/volumes/pvc-u-1" },
    },
  });
});
