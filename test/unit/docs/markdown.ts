/** What the documentation's tests read from Markdown: links, anchors, tables. */

/** How GitHub turns a heading into an anchor. */
export const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, "")
    .replaceAll(" ", "-");

/** Anchors of a page's headings; those in code fences are none. */
export const anchorsOf = (page: string): readonly string[] =>
  [...withoutFences(page).matchAll(/^#{1,6} (.+)$/gm)].map((match) => anchorOf(match[1] ?? ""));

/** Targets of the inline links of a page. */
export const linksOf = (page: string): readonly string[] =>
  [...withoutFences(page).matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1] ?? "");

const withoutFences = (page: string): string => page.replace(/^```[\s\S]*?^```/gm, "");

/** Rows of all tables of a page whose first cell is no heading; cells trimmed. */
export const rowsOf = (page: string): readonly (readonly string[])[] =>
  withoutFences(page)
    .split("\n")
    .filter((line) => line.startsWith("|"))
    .map((line) =>
      line
        .slice(1, line.lastIndexOf("|"))
        .split(/(?<!\\)\|/)
        .map((cell) => cell.trim()),
    )
    .filter((cells) => !cells.every((cell) => /^-+$/.test(cell)));
