/** A change of channels that does not stop services in order is seen. */
import { expect, test } from "@jest/globals";
import { channelsLeft } from "./change-of-channels.ts";
import { brokenChange } from "./changing.ts";
import { blind, changePart, everywhere, unguarded } from "./mutate.ts";

test("the sound one trips none", async () => expect(await brokenChange(channelsLeft, [])).toEqual([]));

test("services that tpm stops while they are ONLINE never go online again", async () => {
  const changes = [
    changePart("UpdateNode1", 0, blind),
    changePart("UpdateNode1", 1, blind),
    everywhere(unguarded),
  ];
  expect(await brokenChange(channelsLeft, changes)).toContain(48);
});

test("the guard alone keeps tpm from stopping them", async () => {
  const changes = [changePart("UpdateNode1", 0, blind), changePart("UpdateNode1", 1, blind)];
  expect(await brokenChange(channelsLeft, changes)).toEqual([48]);
});
