/** Texts a person reads and approves: compared whole, written anew with UPDATE_GOLDEN=1. */
import { readFileSync, writeFileSync } from "node:fs";
import { expect } from "@jest/globals";

export function expectGolden(path: string, lines: readonly string[]): void {
  if (process.env.UPDATE_GOLDEN === "1") writeFileSync(path, `${lines.join("\n")}\n`);
  expect(lines).toEqual(readFileSync(path, "utf8").trimEnd().split("\n"));
}
