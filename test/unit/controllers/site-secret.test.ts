/** Which accounts a site's Secret is made of, and the one sentence about a Secret that cannot serve. */
import { expect, test } from "@jest/globals";
import { ensureSiteSecret } from "../../../src/controllers/site-secret.ts";
import type { TungstenClusterSpec } from "../../../src/crds/tungsten-cluster.ts";
import { secretKind } from "../../../src/kube/kinds.ts";
import { siteSecret } from "../../../src/topology/names.ts";
import { memoryObjects } from "../../simulation/memory-objects.ts";

const namespace = "estate";
const spec = { credentials: { application: { name: "app" } } } as unknown as TungstenClusterSpec;

async function ensuredWith(data?: Record<string, string>) {
  let uids = 0;
  const objects = memoryObjects(() => `uid-${++uids}`);
  if (data !== undefined) {
    const encoded = Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString("base64")]);
    const secret = { apiVersion: "v1", kind: "Secret", metadata: { name: "app", namespace } };
    await objects.create(secretKind, { ...secret, data: Object.fromEntries(encoded) });
  }
  const told = await ensureSiteSecret(objects, namespace, "nyc", spec, { frozen: false });
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
