/** Which accounts a site's Secret is made of, and the one sentence about a Secret that cannot serve. */
import { expect, test } from "@jest/globals";
import { ensureSiteSecret } from "../../../src/controllers/site-secret.ts";
import type { TungstenClusterSpec } from "../../../src/crds/tungsten-cluster.ts";
import { secretKind } from "../../../src/kube/kinds.ts";
import { siteSecret } from "../../../src/topology/names.ts";
import { certificateFor } from "../../certificates.ts";
import { memoryObjects } from "../../simulation/memory-objects.ts";

const namespace = "estate";
const today = Date.parse("2030-01-01T00:00:00Z");
const spec = { credentials: { application: { name: "app" } } } as unknown as TungstenClusterSpec;

async function ensuredWith(data?: Record<string, string>) {
  let uids = 0;
  const objects = memoryObjects(() => `uid-${++uids}`);
  if (data !== undefined) {
    const encoded = Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString("base64")]);
    const secret = { apiVersion: "v1", kind: "Secret", metadata: { name: "app", namespace } };
    await objects.create(secretKind, { ...secret, data: Object.fromEntries(encoded) });
  }
  const told = await ensureSiteSecret(objects, namespace, "nyc", spec, { frozen: false, now: today });
  const said = "refused" in told ? told.refused : undefined;
  return { said, made: await objects.get(secretKind, { namespace, name: siteSecret("nyc") }) };
}

test.each<[string, Record<string, string> | undefined, RegExp]>([
  ["no Secret", undefined, /^spec\.credentials\.application\.name: Secret app does not exist/],
  ["no key", { username: "shop" }, /lacks the key password; add it$/],
  ["a line's end behind the name", { username: "shop\n", password: "secret" }, /the username in Secret app/],
  ["an empty name", { username: "", password: "secret" }, /the username in Secret app is empty/],
  [
    "a line's end behind the password",
    { username: "shop", password: "secret\n" },
    /the password in Secret app/,
  ],
  ["a comment in the password", { username: "shop", password: "sec#ret" }, /holds a blank .* # or ;/],
  ["a placeholder in the password", { username: "shop", password: "sec@{ret" }, /the password in Secret app/],
  ["a control character", { username: "shop", password: "sec\u0001ret" }, /the password in Secret app/],
  ["what is no UTF-8 any more", { username: "shop\uFFFD", password: "secret" }, /the username in Secret app/],
])("%s is refused, and nothing is made", async (_name, data, says) => {
  const { said, made } = await ensuredWith(data);
  expect(said).toMatch(says);
  expect(said).not.toContain("sec#ret");
  expect(made).toBeUndefined();
});

test("a sound Secret becomes the site's", async () => {
  const { said, made } = await ensuredWith({ username: "shop", password: "pa$$'&word" });
  expect(said).toBeUndefined();
  const text = (key: string) => Buffer.from(made?.data?.[key] ?? "", "base64").toString();
  expect([text("application-user"), text("application-password")]).toEqual(["shop", "pa$$'&word"]);
});

test.each([
  ["a key that somebody took out", undefined],
  ["a line's end that somebody's shell put there", "word\n"],
])("of the generated accounts %s is refused before it reaches a node", async (_name, word) => {
  let uids = 0;
  const objects = memoryObjects(() => `uid-${++uids}`);
  const bare = { credentials: {} } as unknown as TungstenClusterSpec;
  const ensured = () => ensureSiteSecret(objects, namespace, "nyc", bare, { frozen: false, now: today });
  expect(await ensured()).not.toHaveProperty("refused");
  const ref = { namespace, name: "tungsten-generated-accounts" };
  const made = await objects.get(secretKind, ref);
  const { "replication-password": _was, ...data } = made?.data ?? {};
  const changed = word === undefined ? {} : { "replication-password": Buffer.from(word).toString("base64") };
  await objects.remove(secretKind, ref, made?.metadata.uid ?? "");
  await objects.create(secretKind, {
    apiVersion: "v1",
    kind: "Secret",
    metadata: ref,
    data: { ...data, ...changed },
  });
  const told = await ensured();
  expect(told).toMatchObject({
    refused: expect.stringMatching(/^replication-password in Secret tungsten-gen/),
  });
});

test("while the site walks changed accounts wait, and a certificate does not", async () => {
  let uids = 0;
  const objects = memoryObjects(() => `uid-${++uids}`);
  const put = (name: string, data: Record<string, string>) => {
    const encoded = Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString("base64")]);
    const secret = { apiVersion: "v1", kind: "Secret", metadata: { name, namespace } };
    return objects.apply(secretKind, { ...secret, data: Object.fromEntries(encoded) });
  };
  const certificate = (word: string) => put("tls", certificateFor(word));
  const secured = { ...spec, tls: { secret: { name: "tls" } } } as unknown as TungstenClusterSpec;
  const ensured = (walking: boolean, further: string) =>
    ensureSiteSecret(objects, namespace, "nyc", secured, { frozen: false, now: today, walking, further });
  const text = async (key: string) => {
    const made = await objects.get(secretKind, { namespace, name: siteSecret("nyc") });
    return Buffer.from(made?.data?.[key] ?? "", "base64").toString();
  };
  await certificate("one");
  await put("app", { username: "shop", password: "first" });
  const first = await ensured(false, "");
  await put("app", { username: "shop", password: "second" });
  expect(await ensured(true, "report\tsesame\n")).toEqual(first);
  expect(await text("application-password")).toBe("first");
  expect(await text("users")).toBe("");
  await certificate("two");
  await ensured(true, "report\tsesame\n");
  expect(await text("tls.crt")).toBe(certificateFor("two")["tls.crt"]);
  expect(await text("application-password")).toBe("first");
  await ensured(false, "report\tsesame\n");
  expect(await text("application-password")).toBe("second");
  expect(await text("users")).toBe("report\tsesame\n");
});

test("one that has run out while its site speaks by it leaves the site alone; a new one that has is refused", async () => {
  let uids = 0;
  const objects = memoryObjects(() => `uid-${++uids}`);
  const put = (data: Record<string, string>) => {
    const encoded = Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString("base64")]);
    const secret = { apiVersion: "v1", kind: "Secret", metadata: { name: "tls", namespace } };
    return objects.apply(secretKind, { ...secret, data: Object.fromEntries(encoded) });
  };
  const tls = { credentials: {}, tls: { secret: { name: "tls" } } } as unknown as TungstenClusterSpec;
  const ensured = (now: number, secured: boolean) =>
    ensureSiteSecret(objects, namespace, "nyc", tls, { frozen: false, now, secured });
  const late = Date.parse("2110-01-01T00:00:00Z");
  await put(certificateFor("one"));
  expect(await ensured(late, false)).toMatchObject({
    refused: expect.stringMatching(/^spec\.tls\.secret\.name: of Secret tls .* has expired at 2100/),
  });
  expect(await ensured(today, false)).not.toHaveProperty("refused");
  expect(await ensured(late, true)).not.toHaveProperty("refused");
  await put(certificateFor("two"));
  expect(await ensured(late, true)).toHaveProperty("refused");
});
