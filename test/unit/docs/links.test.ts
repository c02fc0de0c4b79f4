/** Every relative link of every page leads to a file, and to a heading of it where it names one; every file of the concept table is there. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { anchorsOf, linksOf, rowsOf } from "./markdown.ts";

const root = resolve(import.meta.dirname, "../../..");

function pagesBelow(folder: string): readonly string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) return pagesBelow(path);
    return name.endsWith(".md") ? [path] : [];
  });
}

const pages = [
  ...["README.md", "CONTRIBUTING.md", "CHANGELOG.md"].map((name) => join(root, name)),
  ...pagesBelow(join(root, "docs")),
];

/** The links of a page that lead nowhere. */
function dead(page: string): readonly string[] {
  return linksOf(readFileSync(page, "utf8"))
    .filter((link) => !/^https?:/.test(link))
    .filter((link) => {
      const [path = "", anchor] = link.split("#");
      const target = path === "" ? page : resolve(dirname(page), path);
      if (!existsSync(target)) return true;
      return anchor !== undefined && !anchorsOf(readFileSync(target, "utf8")).includes(anchor);
    });
}

describe("links", () => {
  test.each(pages.map((page) => relative(root, page)))("%s leads somewhere with every link", (page) => {
    expect(dead(join(root, page))).toEqual([]);
  });

  test("there are links to look at", () => {
    expect(pages.length).toBeGreaterThan(15);
    expect(pages.flatMap((page) => linksOf(readFileSync(page, "utf8"))).length).toBeGreaterThan(100);
  });
});

describe("the concept table", () => {
  const page = readFileSync(join(root, "docs/ARCHITECTURE.md"), "utf8");
  const table = rowsOf(page.slice(page.indexOf("## Concept to file"))).slice(1);

  test("names only files that exist, and links to what it names", () => {
    const wrong = table.flatMap(([, cell = ""]) =>
      [...cell.matchAll(/\[([^\]]+)\]\(([^)]+)\)/g)]
        .filter(([, name, link]) => !existsSync(join(root, name ?? "")) || link !== `../${name}`)
        .map(([, name]) => name),
    );
    expect(table.length).toBeGreaterThan(30);
    expect(wrong).toEqual([]);
    expect(table.filter(([, cell = ""]) => !cell.includes("]("))).toEqual([]);
  });
});

describe("what the code and the commands name", () => {
  test("every page of docs/ that a source names exists", () => {
    const sources = ["src", "simulator", "local", "scripts"].flatMap((room) =>
      typescriptBelow(join(root, room)),
    );
    const named = sources.flatMap((path) =>
      [...readFileSync(path, "utf8").matchAll(/\bdocs\/[\w/.-]+\.md\b/g)].map((match) => match[0]),
    );
    expect(named.length).toBeGreaterThan(5);
    expect([...new Set(named)].filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });

  test("every npm script that README and CONTRIBUTING name is in package.json", () => {
    const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { scripts: object };
    const text = ["README.md", "CONTRIBUTING.md"]
      .map((name) => readFileSync(join(root, name), "utf8"))
      .join("\n");
    const named = [...text.matchAll(/npm run ([\w-]+)/g)].map((match) => match[1] ?? "");
    expect(named.length).toBeGreaterThan(4);
    expect([...new Set(named)].filter((name) => !Object.keys(scripts).includes(name))).toEqual([]);
  });
});

function typescriptBelow(folder: string): readonly string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) return typescriptBelow(path);
    return name.endsWith(".ts") ? [path] : [];
  });
}
