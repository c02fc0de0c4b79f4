/** A plan of any size in pages: whole when joined, cut between lines, each within a ConfigMap's limit. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { pagesOf, planPage, whereToRead } from "../../../src/controllers/plan-pages.ts";

const mib = 1024 * 1024;
const request = { apiVersion: "", kind: "", metadata: { name: "to-caa" } };
const long = "nyc-0: trepctl crossSite → «ä»\n".repeat(60_000);

describe("pages", () => {
  test("joined are the text, each is within its bytes and ends with a line", () => {
    const line = fc
      .string({ unit: "grapheme", maxLength: 40 })
      .map((text) => `${text.replaceAll("\n", "")}\n`);
    fc.assert(
      fc.property(fc.array(line), fc.integer({ min: 400, max: 2000 }), (lines, bytes) => {
        const text = lines.join("");
        const pages = pagesOf(text, bytes);
        expect(pages.join("")).toBe(text);
        for (const page of pages)
          expect(Buffer.byteLength(page, "utf8")).toBeLessThanOrEqual(Math.max(bytes, 2000));
        for (const page of text === "" ? [] : pages) expect(page.endsWith("\n")).toBe(true);
      }),
    );
  });

  test("of a long plan fit into ConfigMaps, counted in bytes", () => {
    const pages = pagesOf(long);
    expect(pages.length).toBe(3);
    for (const page of pages) expect(Buffer.byteLength(page, "utf8")).toBeLessThan(mib);
  });

  test("a short one is one page under the name it always had", () => {
    expect(pagesOf("one\n")).toEqual(["one\n"]);
    expect(planPage(request, "0123456789ab")).toBe("to-caa-plan-01234567");
    expect(whereToRead(request, "0123456789ab", "one\n")).toBe("ConfigMap to-caa-plan-01234567");
  });

  test("several are named from first to last", () => {
    expect(whereToRead(request, "0123456789ab", long)).toBe(
      "ConfigMaps to-caa-plan-01234567 to to-caa-plan-01234567-3",
    );
  });
});
