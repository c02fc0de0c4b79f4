/** Bad input on an installed estate: one sentence each, and no node hears of it. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Stand } from "../../local/estate.ts";
import { until } from "../../local/processes.ts";
import { optionNamed } from "../../src/ini/option-catalogue.ts";
import { slips, vendorKeys } from "../unit/ini/vendor-keys.ts";
import {
  apply,
  approve,
  awaitReason,
  begun,
  type Condition,
  condition,
  conversion,
  finished,
  get,
  installEstate,
  judged,
  namespace,
  newStand,
  type ObjectJson,
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

describe("every key of the vendor's own inis with one letter changed", () => {
  const elsewhere = "slips";
  /** Half-way through the word, so that neither its beginning nor its end gives it away. */
  const slipOf = (key: string): string => {
    const all = slips(key);
    return all[Math.floor(all.length / 2)] ?? "";
  };
  const cases = vendorKeys.map((key, index) => ({ key, slip: slipOf(key), name: `slip-${index}` }));
  const told = async (): Promise<ReadonlyMap<string, Condition | undefined>> => {
    const list = JSON.parse(await stand.plane.kubectl(["get", "tc", "-n", elsewhere, "-o", "json"])) as {
      items: ObjectJson[];
    };
    return new Map(list.items.map((each) => [each.metadata.name, condition(each, "Accepted")]));
  };

  test("is refused in one sentence with its path and the right key, and nothing is made for it", async () => {
    await stand.plane.kubectl(["create", "namespace", elsewhere]);
    await stand.plane.kubectl(
      ["apply", "-f", "-"],
      cases
        .map(({ name, slip }) => {
          const object = site(name, { options: { [slip]: "true" } });
          return JSON.stringify({ ...object, metadata: { name, namespace: elsewhere } });
        })
        .join("\n---\n"),
    );
    let seen: Awaited<ReturnType<typeof told>> = new Map();
    await until("a word on every site", 60, async () => {
      seen = await told();
      return seen.size === cases.length && [...seen.values()].every((each) => each !== undefined);
    });
    expect(cases.length).toBeGreaterThan(30);
    for (const { key, slip, name } of cases) {
      const { status, reason, message = "" } = seen.get(name) ?? {};
      expect([slip, status, reason]).toEqual([slip, "False", "Refused"]);
      oneSentence(message);
      expect(message).toContain(`spec.options.${slip}: tpm knows no option «${slip}»`);
      const near = /did you mean ([a-z0-9-]+)\?$/.exec(message)?.[1] ?? "";
      expect([slip, optionNamed(near)?.name]).toEqual([slip, optionNamed(key)?.name]);
    }
    const kinds = "statefulsets,services,secrets,persistentvolumeclaims,pods,leases.coordination.k8s.io";
    expect(await stand.plane.kubectl(["get", kinds, "-n", elsewhere, "-o", "name"])).toBe("");
    const maps = await stand.plane.kubectl(["get", "configmaps", "-n", elsewhere, "-o", "name"]);
    expect(maps.replace("configmap/kube-root-ca.crt", "").trim()).toBe("");
    await stand.plane.kubectl(["delete", "namespace", elsewhere, "--wait=false"]);
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
