/** Step 1 of the conversion: a physical backup of each site, taken by the run or attested by a human, with its evidence. */

import type { BackupState } from "../tungsten/node.ts";
import { backup, nodeClock } from "../tungsten/node-facts.ts";
import * as act from "./conversion-commands.ts";
import { backupName, kept } from "./conversion-names.ts";
import type { ConversionParameters } from "./conversion-preflight.ts";
import type { Acceptance, Look, Objection, Part, Step, Target } from "./procedure.ts";
import { eachSite, oneReplicaPerSite } from "./scopes.ts";
import { done, doneIf, knowing, knownValue } from "./verdicts.ts";

type Said = ConversionParameters["backup"];

const takenOf = (target: Target, look: Look) =>
  look.facts.get(target.node.name, backup(backupName(look.run, target)));

/** Nothing counts as a backup without its checksum and the LSN it was prepared to. */
const isWhole = (taken: BackupState | null): boolean =>
  taken?.verified === true && /^[0-9a-f]{64}$/.test(taken.sha256) && /^[0-9]+$/.test(taken.lsn);

const takeBackups: Part = {
  what: "take a physical backup, prepared and with its checksum, on the backups volume",
  on: oneReplicaPerSite,
  run: [{ when: "no verified backup of this run exists", effect: act.takeBackup }],
  done: (target, look) =>
    knowing(takenOf(target, look), `the backup of ${target.site.name}`, (taken) =>
      doneIf(
        isWhole(taken),
        taken === null
          ? `no backup of ${target.site.name} yet`
          : `the backup of ${target.site.name} is not what was recorded when it was taken`,
      ),
    ),
  tries: 3,
  stallSeconds: 24 * 3600,
  record: (target, look) => {
    const taken = knownValue(takenOf(target, look));
    if (taken === undefined || taken === null) return {};
    const where = `${target.node.name}:/backups/${backupName(look.run, target)}`;
    return { [kept.backup(target.site.name)]: `${where} sha256 ${taken.sha256} lsn ${taken.lsn}` };
  },
};

/** A node that is given up takes none any more, and its site must not pass for that: the only way on is back. */
const everySiteHasOne: Part = {
  what: "each site has a backup of this run",
  on: eachSite,
  run: [],
  done: ({ site }, { run }) =>
    doneIf(
      run.kept[kept.backup(site.name)] !== undefined,
      `${site.name} has no backup, and ${run.pins.backupNodes[site.name]}, which was to take it, is given up`,
    ),
};

/** A human's words on one line: they stand in the plan, and must not look like more of it. */
const oneLine = (said: string | undefined): string => `«${(said ?? "").replace(/\s+/g, " ")}»`;

const attested = ({ who, when, evidence, sites = [] }: Said): Part => ({
  what: [
    `a backup is attested: taken by ${oneLine(who)}, ${oneLine(when)}, it lies at ${oneLine(evidence)}; nothing is run`,
    ...sites.map(({ site, sha256, lsn }) => `${site}: sha256 ${sha256}, LSN ${lsn}`),
  ].join("; "),
  on: () => [],
  run: [],
  done: () => done,
});

/** The vendor's first step. */
export const backups = (said: Said): Step => ({
  n: 1,
  id: "Backup",
  title: "Backups",
  condition: "BackupVerified",
  undo: "Nothing to undo: the backup stays on the backups volume.",
  lasts: true,
  parts: said.mode === "Take" ? [takeBackups, everySiteHasOne] : [attested(said)],
});

/** A clock may be ahead by so much; a backup from tomorrow is a slip of the pen. */
const aheadMs = 300_000;

/**
 * The evidence of an attested backup: every site, and young enough when the plan is made. The time is the operator's,
 * taken from a node's answer; without one the age is unknown.
 */
export const backupAttested = ({ mode, when, maxAgeHours = 24, sites = [] }: Said): Acceptance => ({
  say: "an attested backup is there for every site, with its evidence, and young enough",
  ask(estate, facts) {
    if (mode === "Take") return { ok: true };
    const missing = estate.sites
      .filter(({ name }) => !sites.some(({ site }) => site === name))
      .map(({ name }): Objection => {
        const way = "add it, or let the run take the backups (mode Take)";
        return { on: name, refused: `spec.convertMsaaToCaa.backup.sites has no backup of ${name}; ${way}` };
      });
    const [first] = estate.sites.flatMap((site) => site.nodes.filter((node) => !node.witness));
    const clock = first === undefined ? undefined : facts.get(first.name, nodeClock);
    if (clock === undefined || "unknown" in clock)
      return {
        objections: [...missing, { on: "estate", unknown: "the age of the backup cannot be told yet" }],
      };
    const objection = ageRefused(when ?? "", clock.at, maxAgeHours);
    return {
      objections: objection === undefined ? missing : [...missing, { on: "estate", refused: objection }],
    };
  },
});

function ageRefused(when: string, now: number, maxAgeHours: number): string | undefined {
  const field = `spec.convertMsaaToCaa.backup.when is «${when.slice(0, 40)}»`;
  const at = Date.parse(when);
  if (!Number.isFinite(at)) return `${field}, which is no time; write it as 2026-05-02T21:00:00Z`;
  if (at > now + aheadMs) return `${field}, which has not come yet; correct it`;
  const hours = Math.floor((now - at) / 3_600_000);
  return now - at <= maxAgeHours * 3_600_000
    ? undefined
    : `${field}, ${hours} hours ago, the limit is ${maxAgeHours} (spec.convertMsaaToCaa.backup.maxAgeHours); take a new one, or raise the limit`;
}
