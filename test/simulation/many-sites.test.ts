/** Estates of many sites: the plan needs several ConfigMaps, and what no record has room for is refused. */
import { expect, test } from "@jest/globals";
import { configMapKind } from "../../src/kube/kinds.ts";
import { askForConversion, conditionOf, namespace, newScene, pass, theRequest } from "./scene.ts";

const names = (count: number): readonly string[] =>
  Array.from({ length: count }, (_, n) => `site${String.fromCharCode(97 + n)}`);

test("the plan of eleven sites lies in pages that fit, and joined they name every node", async () => {
  const sites = names(11);
  const scene = await newScene({ sites, nodes: 3, seed: 2, rate: 0 });
  await askForConversion(scene, { dryRun: true });
  for (let n = 0; n < 4; n += 1) await pass(scene);
  const { status } = await theRequest(scene);
  expect(status.ledger.outcome).toBe("Planned");
  const stored: string = status.plan.stored;
  expect(conditionOf(await theRequest(scene), "Planned")?.message).toContain(
    `ConfigMaps ${stored} to ${stored}-2`,
  );
  const pages = await Promise.all(
    [stored, `${stored}-2`].map((name) => scene.objects.get(configMapKind, { namespace, name })),
  );
  const text = pages.map((page) => String(page?.data.plan)).join("");
  expect(pages.every((page) => page?.immutable === true)).toBe(true);
  for (const site of sites) expect(text).toContain(`${site}-2: tpm cluster`);
  expect(text.endsWith("\n")).toBe(true);
});

test("an estate whose run could not be recorded is refused in one sentence", async () => {
  const scene = await newScene({ sites: names(23), nodes: 2, seed: 2, rate: 0 });
  await askForConversion(scene);
  await pass(scene);
  expect(conditionOf(await theRequest(scene), "Accepted")).toMatchObject({
    status: "False",
    message:
      "the estate has 1012 services between sites (on each node one for each other site), the record of a run has room for 1000; convert an estate of fewer sites or nodes",
  });
});
