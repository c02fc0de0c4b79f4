/** The cgroup a node's pods live under, in every hierarchy there is (v1 has one for each controller); empty again at the end. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
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

/** What a kubelet wants for its pods under v2. A child has what its parent hands down; asking for it twice is harmless. */
function handDownControllers(): void {
  const wanted = ["cpu", "cpuset", "memory", "pids", "hugetlb", "io"];
  const there = readFileSync(join(root, "cgroup.controllers"), "utf8").trim().split(" ");
  for (const controller of wanted.filter((each) => there.includes(each)))
    writeFileSync(join(root, "cgroup.subtree_control"), `+${controller}`);
}

/**
 * The scheduler counts a group as one process, and all the pods of a node are in this one: beside a busy compiler they
 * would have half a core together. So the group weighs as much as a few dozen processes. File → value, v1 and v2.
 */
const weights = { "cpu.shares": 32_768, "cpu.weight": 3_200 } as const;

export function makeCgroup(name: string): void {
  removeCgroup(name);
  if (isUnified()) handDownControllers();
  for (const hierarchy of hierarchies()) {
    const group = join(hierarchy, name);
    mkdirSync(group, { recursive: true });
    for (const [file, weight] of Object.entries(weights))
      if (existsSync(join(group, file))) writeFileSync(join(group, file), String(weight));
  }
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
