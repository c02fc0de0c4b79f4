/** Bad input on an installed estate: one sentence each, and no node hears of it. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Stand } from "../../local/estate.ts";
import { until } from "../../local/processes.ts";
import {
  apply,
  approve,
  awaitReason,
  begun,
  conversion,
  finished,
  get,
  installEstate,
  judged,
  namespace,
  newStand,
  patch,
  quick,
  remove,
  site,
} from "./estate.ts";

let stand: Stand;
beforeAll(async () => {
  stand = await newStand(5);
  await stand.startOperator(quick);
  await installEstate(stand);
}, 600_000);
afterAll(() => stand?.stop(), 60_000);

const fault = (body: object) => stand.world("/faults", body);

/** A sentence of its own: one line, ends without a stack, names what to do after a semicolon or a colon. */
const oneSentence = (message: string): void => {
  expect(message).not.toMatch(/\n|undefined|\[object| at .*\.ts/);
  expect(message).toMatch(/[;:] .+/);
};

type Case = {
  readonly name: string;
  readonly before: () => Promise<unknown>;
  readonly after: () => Promise<unknown>;
  readonly says: RegExp;
};

const refusals: readonly Case[] = [
  {
    name: "parallel apply on",
    before: () => fault({ host: "nyc-1", channels: 4 }),
    after: () => fault({ host: "nyc-1", channels: 1 }),
    says: /^nyc-1 applies in parallel on 4 channels; disable parallel apply before converting$/,
  },
  {
    name: "a site with no primary",
    before: () => fault({ host: "nyc-0", shunned: true }),
    after: () => fault({ host: "nyc-0", shunned: false }),
    says: /^nyc has no single ONLINE primary by the word of nyc-\d; bring one up first$/,
  },
  {
    name: "a cross-site service OFFLINE:ERROR before arming",
    before: () => fault({ host: "london-1", blow: "service-error" }),
    after: async () => fault({ host: "london-1", restart: true }),
    says: /^service nyc of london-1 is OFFLINE:ERROR; mend it and bring it ONLINE before converting/,
  },
  {
    name: "a target release below 6",
    before: () => patch(stand, "tc", "nyc", { spec: { release: "5.4.1-10" } }),
    after: () => patch(stand, "tc", "nyc", { spec: { release: "8.0.4-132" } }),
    says: /^spec\.release of TungstenCluster nyc is 5\.4\.1-10; Composite Active\/Active needs release 6 or later$/,
  },
  {
    name: "a composite that is not there",
    before: () => remove(stand, "csvc", "global"),
    after: () =>
      apply(stand, {
        apiVersion: "tungsten-operator.io/v1alpha1",
        kind: "CompositeService",
        metadata: { name: "global", namespace },
        spec: { type: "ActiveActive", members: [{ name: "london" }, { name: "nyc" }] },
      }),
    says: /^spec\.convertMsaaToCaa\.compositeService names no CompositeService of this namespace; create it first$/,
  },
];

describe("a conversion that is refused", () => {
  test.each(refusals)("$name", async ({ before, after, says }) => {
    await before();
    try {
      const commands = (await begun(stand)).length;
      await apply(stand, conversion("refused", { approval: "Automatic" }));
      let message = "";
      await until(`the refusal ${says}`, 30, async () => {
        const accepted = await awaitReason(stand, "upg", "refused", "Accepted", "Refused", 5);
        // One cause may trouble several checks; the report tells them all, the condition the first.
        message = accepted.message.replace(/ \(and \d+ more in the pre-flight report\)$/, "");
        return says.test(message);
      }).catch((error: Error) => {
        throw new Error(`${error.message}; it says: ${message}`);
      });
      oneSentence(message);
      expect((await begun(stand)).length).toBe(commands);
    } finally {
      await remove(stand, "upg", "refused");
      await after();
    }
  });
});

describe("a site that is refused", () => {
  test("a missing Secret", async () => {
    await apply(stand, site("paris", { credentials: { replication: { name: "nowhere" } } }));
    const { message } = await awaitReason(stand, "tc", "paris", "Accepted", "Refused");
    expect(message).toBe(
      "spec.credentials.replication.name: Secret nowhere does not exist in this namespace; create it with keys username and password",
    );
    expect(await stand.plane.kubectl(["get", "statefulsets", "-n", namespace, "-o", "name"])).not.toContain(
      "paris",
    );
    await remove(stand, "tc", "paris");
  });

  test("an option tpm does not know", async () => {
    await apply(stand, site("paris", { options: { "thl-log-retentoin": "7d" } }));
    const { message } = await awaitReason(stand, "tc", "paris", "Accepted", "Refused");
    expect(message).toMatch(/^spec\.options.*thl-log-retentoin.*thl-log-retention/);
    oneSentence(message);
    expect(await stand.plane.kubectl(["get", "statefulsets", "-n", namespace, "-o", "name"])).not.toContain(
      "paris",
    );
    await remove(stand, "tc", "paris");
  });
});

describe("two requests, and a primary that moves", () => {
  test("the second request waits as Queued, and says for whom", async () => {
    await apply(stand, conversion("first"));
    await approve(stand, "first");
    await until("a first command of the run", 30, async () => {
      const { status } = await get(stand, "upg", "first");
      return (status?.ledger?.commandsBegun ?? 0) > 0;
    });
    await patch(stand, "upg", "first", { spec: { paused: true } });
    await apply(stand, conversion("second"));
    await approve(stand, "second");
    const { message } = await awaitReason(stand, "upg", "second", "Queued", "SiteTaken");
    expect(message).toBe("site london is held by UpgradeRequest first; this run waits for it");
    await remove(stand, "upg", "second");
  });

  test("a primary that moves halts the run by name; abort leads back, and nothing is lost", async () => {
    // A failover loses what was not replicated yet; here nothing is on its way.
    await judged(stand);
    await fault({ host: "nyc-0", blow: "primary-moved" });
    await patch(stand, "upg", "first", { spec: { paused: false } });
    const { message } = await awaitReason(stand, "upg", "first", "Stalled", "PrimaryMoved");
    expect(message).toContain("the primary of nyc is nyc-1, the plan was made for nyc-0");
    await patch(stand, "upg", "first", { spec: { abort: true } });
    const request = await finished(stand, "first", 60);
    expect(request.status?.ledger?.outcome).toBe("Aborted");
    const { missing, doubled } = await judged(stand);
    // What the failover itself left behind lies on the shunned node alone.
    expect(missing.filter((each) => !each.endsWith("nyc-0"))).toEqual([]);
    expect(doubled).toEqual([]);
  });
});
