/** The cgroup a node's pods live under, in every hierarchy there is (v1 has one for each controller); empty again at the end. */
import { existsSync, mkdirSync, readdirSync, rmdirSync } from "node:fs";
import { join } from "node:path";

const root = "/sys/fs/cgroup";
const isUnified = (): boolean => existsSync(join(root, "cgroup.controllers"));

const hierarchies = (): readonly string[] =>
  isUnified()
    ? [root]
    : readdirSync(root, { withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map(({ name }) => join(root, name));

/** The names at the top of any hierarchy that look so. */
export const cgroupsNamed = (pattern: RegExp): readonly string[] => [
  ...new Set(
    hierarchies().flatMap((hierarchy) => readdirSync(hierarchy).filter((name) => pattern.test(name))),
  ),
];

export function makeCgroup(name: string): void {
  removeCgroup(name);
  for (const hierarchy of hierarchies()) mkdirSync(join(hierarchy, name), { recursive: true });
}

/** Its processes must have ended. */
export function removeCgroup(name: string): void {
  for (const hierarchy of hierarchies())
    if (existsSync(join(hierarchy, name))) removeTree(join(hierarchy, name));
}

function removeTree(folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true }))
    if (entry.isDirectory()) removeTree(join(folder, entry.name));
  rmdirSync(folder);
}
