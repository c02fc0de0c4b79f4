/** A crash before and after every write and every effect while a site is filled and installed, and seeded faults meanwhile. */
import { expect, test } from "@jest/globals";
import { siteJoins } from "./change-of-sites.ts";
import { brokenChange, seededChange } from "./changing.ts";
import { blind, changePart, commandsLike, withoutPart } from "./mutate.ts";
import { sweeps } from "./sweep.ts";

const seeds = Number(process.env.SEEDS ?? 4);
const firstSeed = Number(process.env.FIRST_SEED ?? 0);

sweeps(97, [["a site joins", siteJoins]]);

test(`${seeds} seeds`, async () => {
  for (let seed = firstSeed; seed < firstSeed + seeds; seed += 1) {
    const replay = `replay: SEEDS=1 FIRST_SEED=${seed} npm test -- test/simulation/joining-crashes`;
    const { end, violations } = await seededChange(siteJoins, seed);
    if (violations.length > 0 || (end !== "applied" && !/halted: \w+/.test(end)))
      throw new Error(`seed ${seed}: ${end}; ${JSON.stringify(violations.slice(0, 3))}; ${replay}`);
  }
});

/** Nobody looks whether the copy stands where the donor stood, nor what a source's log still holds. */
const blinded = [changePart("StartNewDatabases", 2, blind), changePart("InstallCrossSite", 1, blind)];

test("a site that was never filled does not get further than its databases, and one that does is found out", async () => {
  expect(await brokenChange(siteJoins, [withoutPart("CopyData", 0)])).toEqual([48]);
  expect(await brokenChange(siteJoins, [withoutPart("CopyData", 0), ...blinded])).toEqual(
    expect.arrayContaining([30]),
  );
});

test("an operator that stops and fills a site that serves is found out", async () => {
  const elsewhere = commandsLike(/^(database stop|copy-datadir)/, (sent) => ({
    begin: { ...sent.begin, prechecks: [] },
    on: { ...sent.on, name: sent.on.name.replace("paris", "nyc") },
  }));
  expect(await brokenChange(siteJoins, [elsewhere])).toEqual(expect.arrayContaining([26, 33, 35]));
});
