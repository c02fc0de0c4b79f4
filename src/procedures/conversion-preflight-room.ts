/** Pre-flight of the conversion, the part about room: what has to fit on each volume beside what lies there, and what is free. */
import { dataNodes, type Estate, type Node } from "../topology/estate.ts";
import type { Facts } from "../tungsten/facts.ts";
import type { Volume } from "../tungsten/node.ts";
import { dataSize, space } from "../tungsten/node-facts.ts";
import type { ConversionParameters } from "./conversion-preflight.ts";
import { inHours, windows } from "./conversion-preflight-logs.ts";
import { conversionEstimate } from "./conversion-window.ts";
import { totalOf } from "./estimate.ts";
import { type Growth, grownIn, growthOn, hourly, peakFactor } from "./log-growth.ts";
import { objecting, type Untold } from "./preflight-asking.ts";
import type { Acceptance, Objection } from "./procedure.ts";
import { knownValue } from "./verdicts.ts";

const gib = 1024 ** 3;
/** A release tree and the dumps of tracking schemas; and, where nobody can tell how logs grow, what is assumed for them. */
const leastFreeBytes = 4 * gib;
const leastFreeShare = 0.1;
/** Prepared, a physical backup is as large as the data, and its log while it is taken. */
const backupShare = 1.1;

/** Both products with their logs; what the operator keeps and backs up. */
const volumesNeeded = ["/opt", "/backups"];

export const inGib = (bytes: number): string => `${(bytes / gib).toFixed(1)} GiB`;

/** Two digits: a report that changes with every row is written with every look. */
const roughly = (bytes: number): string => {
  const [size, unit] = bytes < gib ? [bytes / 1024 ** 2, "MiB"] : [bytes / gib, "GiB"];
  const told = Number(size.toPrecision(2));
  return told < 1 ? `under 1 ${unit}` : `${told} ${unit}`;
};

const span = (seconds: number): string =>
  seconds < 48 * 3600 ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / 86_400)} d`;

const worstRun = (parameters: ConversionParameters, estate: Estate, facts: Facts): number =>
  totalOf(conversionEstimate(parameters)(estate, facts));

/**
 * What has to be free. Measured growth comes on top of the 4 GiB and never lowers them: they are for what the run brings
 * itself. A tenth stays free in any case: a mean of days promises nothing of the one hour in which a table is rebuilt. So a
 * quiet estate needs what it always did, a busy one more. Where growth is not known that floor is an assumption, and told
 * as one; it is no refusal: the logs of a young estate, or of a younger link, would hold it up for nothing.
 */
const neededOn = (volume: Volume, worst: number): number =>
  Math.max(volume.totalBytes * leastFreeShare, leastFreeBytes + grownIn(growthOn(volume), windows * worst));

const floor = "4 GiB and a tenth of it";
const notKnown = ({ assumed }: Growth): string => `how fast ${assumed.join(", ")} grows is not known`;
/** Not by one log of one volume: a runner of before. */
const silent = (volumes: readonly Volume[]): boolean => volumes.every(({ logs }) => logs.length === 0);

function reasonFor(volume: Volume, worst: number): string {
  const growth = growthOn(volume);
  if (growth.measured.length === 0)
    return growth.assumed.length === 0 ? floor : `${floor} are assumed, as ${notKnown(growth)}`;
  const measured = growth.measured.map(({ name, seconds }) => `${name} over ${span(seconds)}`).join(", ");
  const assumed = growth.assumed.length === 0 ? "" : `; ${notKnown(growth)}, and not counted`;
  return `its logs grow by ${roughly(hourly(growth))} an hour (${measured}${assumed}), and ${peakFactor} times what ${windows} runs of at worst ${inHours(worst)} would write has to fit beside 4 GiB, a tenth of it at least`;
}

function tooFull(node: Node, volumes: readonly Volume[], worst: number): string | Untold | undefined {
  const untold = volumesNeeded.find((wanted) => !volumes.some(({ path }) => path === wanted));
  if (untold !== undefined) return { unknown: `${node.name} tells nothing of ${untold}` };
  const full = volumes.find((volume) => volume.freeBytes < neededOn(volume, worst));
  if (full === undefined) return undefined;
  const why = silent(volumes)
    ? `${floor} are assumed, as ${node.name} does not tell how fast logs grow`
    : reasonFor(full, worst);
  return `${full.path} of ${node.name} has ${inGib(full.freeBytes)} free of ${inGib(full.totalBytes)} and needs ${inGib(neededOn(full, worst))}: ${why}; make room, or let spec.storage.size of TungstenCluster ${node.site} grow`;
}

export const roomEnough = (parameters: ConversionParameters): Acceptance => ({
  say: "every volume has room for a release, the dumps and logs that grow",
  ask(estate, facts) {
    const worst = worstRun(parameters, estate, facts);
    return objecting(
      dataNodes(estate).map((node) => {
        const answer = facts.get(node.name, space);
        return { node, answer, refused: "known" in answer ? tooFull(node, answer.known, worst) : undefined };
      }),
    );
  },
});

/** Beside a backup, logs may lie there too and grow. */
const backupNeeds = (volume: Volume, dataBytes: number, worst: number): number =>
  dataBytes * backupShare + grownIn(growthOn(volume), windows * worst);

export const roomForBackup = (parameters: ConversionParameters): Acceptance => ({
  say: "the backups volume has room for a backup of the data",
  ask(estate, facts) {
    const worst = worstRun(parameters, estate, facts);
    const nodes = parameters.backup.mode === "Take" ? dataNodes(estate) : [];
    return {
      objections: nodes.flatMap((node): Objection[] => {
        const [bytes, volumes] = [facts.get(node.name, dataSize), facts.get(node.name, space)];
        if ("unknown" in bytes) return [{ on: node.site, unknown: `${node.name}: ${bytes.unknown}` }];
        if ("unknown" in volumes) return [{ on: node.site, unknown: `${node.name}: ${volumes.unknown}` }];
        const volume = volumes.known.find(({ path }) => path === "/backups");
        if (volume === undefined)
          return [{ on: node.site, unknown: `${node.name} tells nothing of /backups` }];
        if (volume.freeBytes >= backupNeeds(volume, bytes.known, worst)) return [];
        const grown = grownIn(growthOn(volume), windows * worst);
        const logs = grown === 0 ? "" : `, and logs that lie there may take another ${inGib(grown)}`;
        return [
          {
            on: node.site,
            refused: `/backups of ${node.name} has ${inGib(volume.freeBytes)} free, its data has ${inGib(bytes.known)}${logs}; make room for the data and a tenth more, or attest a backup of your own`,
          },
        ];
      }),
    };
  },
});

/** Lines for the report: sizes, what is free of what and what is needed, in whole GiB, and how each log grows. */
export function roomKnown(
  parameters: ConversionParameters,
  estate: Estate,
  { name }: Node,
  facts: Facts,
): readonly string[] {
  const worst = worstRun(parameters, estate, facts);
  const bytes = knownValue(facts.get(name, dataSize));
  const volumes = knownValue(facts.get(name, space)) ?? [];
  const backup = parameters.backup.mode === "Take" ? (bytes ?? 0) : 0;
  const data = bytes === undefined ? "data unknown" : `data ${inGib(bytes)}`;
  const rooms = volumes.map((volume) => {
    const { path, freeBytes, totalBytes } = volume;
    const backups = path === "/backups" ? backupNeeds(volume, backup, worst) : 0;
    const needed = Math.ceil(Math.max(neededOn(volume, worst), backups) / gib);
    return `${path} ${Math.floor(freeBytes / gib)} of ${Math.floor(totalBytes / gib)} GiB free, ${needed} needed`;
  });
  return [
    `${name}: ${[data, ...(rooms.length > 0 ? rooms : ["volumes unknown"])].join("; ")}`,
    ...growthKnown(volumes).map((line) => `${name}: ${line}`),
  ];
}

function growthKnown(volumes: readonly Volume[]): readonly string[] {
  if (volumes.length > 0 && silent(volumes))
    return [`how fast logs grow is not told: that ${floor.replace("it", "a volume")} do is an assumption`];
  return volumes
    .filter(({ logs }) => logs.length > 0)
    .map((volume) => {
      const growth = growthOn(volume);
      const each = growth.measured.map(
        ({ name, bytesPerHour, seconds }) => `${name} ${roughly(bytesPerHour)} (over ${span(seconds)})`,
      );
      const measured =
        each.length === 0
          ? []
          : [`logs on ${volume.path} grow by ${roughly(hourly(growth))} an hour: ${each.join(", ")}`];
      const assumed =
        growth.assumed.length === 0
          ? []
          : [`${notKnown(growth)}: that ${floor.replace("it", volume.path)} do is an assumption`];
      return [...measured, ...assumed].join("; ");
    });
}
