/** Estates for the tests of pure rooms, made the way the operator makes them: from specs, with their problems. */
import type { Estate } from "../../src/topology/estate.ts";
import {
  type ClusterInput,
  type CompositeInput,
  type EstateInputs,
  estatesOf,
  type LinkInput,
} from "../../src/topology/estate-of.ts";

export const cluster = (name: string, more: Partial<ClusterInput> = {}): ClusterInput => ({
  name,
  nodes: 3,
  initialPrimary: 0,
  release: "8.0.4-132",
  mysqlPort: 13306,
  connectorPort: 3306,
  options: {},
  ...more,
});

export const link = (source: string, target: string, options: LinkInput["options"] = {}): LinkInput => ({
  name: `${source}-to-${target}`,
  source,
  target,
  options,
});

/** Every direction between the sites. */
export const mesh = (names: readonly string[]): readonly LinkInput[] =>
  names.flatMap((source) =>
    names.filter((target) => target !== source).map((target) => link(source, target)),
  );

export const composite = (
  members: readonly string[],
  more: Partial<CompositeInput> = {},
): CompositeInput => ({
  name: "global",
  type: "ActiveActive",
  members,
  ...more,
});

/** Sentences of all problems, each with the object it is about. */
export const problemsOf = (inputs: Partial<EstateInputs>): readonly string[] =>
  estatesOf("estate", { clusters: [], links: [], composites: [], ...inputs }).problems.map(
    ({ about, sentence }) => `${about}: ${sentence}`,
  );

/** The one estate that these specs make; throws when they make another number, or have problems. */
export function estateOf(inputs: Partial<EstateInputs>): Estate {
  const { estates, problems } = estatesOf("estate", { clusters: [], links: [], composites: [], ...inputs });
  const [only] = estates;
  if (only === undefined || estates.length !== 1 || problems.length > 0)
    throw new Error(`${estates.length} estates, ${JSON.stringify(problems)}`);
  return only;
}

export const cities: readonly string[] = ["nyc", "london", "tokyo", "sydney", "berlin"];

export const msaa = (sites: number, more: Partial<ClusterInput> = {}): Estate => {
  const names = cities.slice(0, sites);
  return estateOf({ clusters: names.map((name) => cluster(name, more)), links: mesh(names) });
};

export const composed = (sites: number, more: Partial<CompositeInput> = {}): Estate => {
  const names = cities.slice(0, sites);
  return estateOf({ clusters: names.map((name) => cluster(name)), composites: [composite(names, more)] });
};
