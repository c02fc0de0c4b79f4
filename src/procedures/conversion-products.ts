/** Judgements about what is installed and restored on a node: gates 5 to 7 of the rehearsed conversion. */

import type { Product } from "../tungsten/invocation.ts";
import {
  binlogPosition,
  installed,
  keptDump,
  keptReadOnly,
  loggedTracking,
  readOnly,
  replicatorProcess,
  tpmProcesses,
  tracking,
} from "../tungsten/node-facts.ts";
import { dumpKept, readOnlyFile, serviceOf, sourceOf, trackingSchema } from "./conversion-names.ts";
import { commitOf, sameRow } from "./conversion-readers.ts";
import type { Guard, Judgement, Look, Run, Target } from "./procedure.ts";
import { eachReader } from "./scopes.ts";
import { broken, done, doneIf, every, knowing, knownValue, pending } from "./verdicts.ts";

export const noTpmAlive: Guard = {
  say: "no tpm runs on the node",
  objects: (target, look) => {
    const verdict = noTpm(target, look);
    return "why" in verdict ? verdict.why : undefined;
  },
};

export const noTpm: Judgement = (target, look) =>
  knowing(look.facts.get(target.node.name, tpmProcesses), `tpm processes of ${target.node.name}`, (alive) =>
    doneIf(alive.length === 0, `a tpm still runs on ${target.node.name}`),
  );

export const readOnlyWasKept: Judgement = (target, look) =>
  knowing(
    look.facts.get(target.node.name, keptReadOnly(readOnlyFile(look.run))),
    `kept read_only of ${target.node.name}`,
    () => done,
  );

const gone: Judgement = (target, look) =>
  every([
    knowing(
      look.facts.get(target.node.name, installed("crossSite")),
      `the second product on ${target.node.name}`,
      (product) => doneIf(product === null, `the second product is still installed on ${target.node.name}`),
    ),
    knowing(
      look.facts.get(target.node.name, replicatorProcess("crossSite")),
      `the second replicator on ${target.node.name}`,
      (state) =>
        doneIf(
          state === "absent" || state === "stopped",
          `the second replicator runs on ${target.node.name}`,
        ),
    ),
    noTpm(target, look),
  ]);

export const productGone = gone;
export const productPresent: Judgement = (target, look) =>
  knowing(
    look.facts.get(target.node.name, installed("crossSite")),
    `the second product on ${target.node.name}`,
    (product) => doneIf(product !== null, "it is gone"),
  );

export const readOnlyAsKept: Judgement = (target, look) =>
  knowing(look.facts.get(target.node.name, readOnly), `read_only of ${target.node.name}`, (now) =>
    knowing(
      look.facts.get(target.node.name, keptReadOnly(readOnlyFile(look.run))),
      `kept read_only of ${target.node.name}`,
      (before) =>
        doneIf(now === before, `read_only of ${target.node.name} is ${now ? 1 : 0}, was ${before ? 1 : 0}`),
    ),
  );

/** Gone, and read_only as it was: uninstall clears it on a replica and leaves it so. */
export const uninstalledAndReadOnlyBack: Judgement = (target, look) =>
  every([gone(target, look), readOnlyAsKept(target, look)]);

export const binlogPositionKnown: Judgement = (target, look) =>
  knowing(
    look.facts.get(target.node.name, binlogPosition),
    `the binary log of ${target.node.name}`,
    () => done,
  );

/** The first place noted stays: what was logged since then travels with the log, whichever way the run goes. */
export function binlogRecord(target: Target, look: Look): Record<string, string> {
  if (look.run.kept[`binlog.${target.node.name}`] !== undefined) return {};
  const at = knownValue(look.facts.get(target.node.name, binlogPosition));
  return at === undefined ? {} : { [`binlog.${target.node.name}`]: `${at.file} ${at.position}` };
}

/** The row is the dump's, and the binary log between has nothing of it (gate 6). */
export const restoredUnlogged: Judgement = (target, look) =>
  every([rowsAsDumped(target, look), loggedNothing(target, look)]);

export const rowsAsDumped: Judgement = (target, look) => {
  const dump = dumpKept(look.run, target);
  if (dump === undefined) return broken("DumpUnverified", `${target.id} has no verified dump in the ledger`);
  const schema = trackingSchema(sourceOf(target));
  return knowing(look.facts.get(target.node.name, keptDump(dump.file)), `dump ${dump.file}`, (wanted) =>
    knowing(
      look.facts.get(target.node.name, tracking(schema)),
      `${schema} of ${target.node.name}`,
      (rows) => {
        const saved = commitOf(wanted.rows);
        const row = commitOf(rows);
        if (saved === undefined || row === undefined || rows === "absent")
          return pending(`${schema} of ${target.node.name} holds no single commit row`);
        const equal = sameRow(saved, row) && rows.heartbeat?.name === wanted.rows.heartbeat?.name;
        return doneIf(
          equal,
          `${schema} of ${target.node.name} stands at ${row.seqno}, dumped was ${saved.seqno}`,
        );
      },
    ),
  );
};

const loggedNothing: Judgement = (target, look) => {
  const [file, position] = (look.run.kept[`binlog.${target.node.name}`] ?? "").split(" ");
  if (file === undefined || position === undefined)
    return pending(`no binary log position was kept for ${target.node.name}`);
  return knowing(
    look.facts.get(target.node.name, loggedTracking(file, position)),
    `the binary log of ${target.node.name}`,
    (count) =>
      count === 0
        ? done
        : broken(
            "RowsNotRestored",
            `${count} writes to tracking schemas reached the binary log of ${target.node.name} since ${file}:${position}; they travel to every node that reads it and move positions there`,
          ),
  );
};

const readersAt = (target: Target, look: Look): readonly Target[] =>
  eachReader(look.run).filter((reader) => reader.node.name === target.node.name);

const newServiceOf = (reader: Target): string => serviceOf("cluster", reader.site, sourceOf(reader));

/** New services are installed here already, some at least: an update of this run came that far and was cut off. */
export const newServicesInstalled: Judgement = (target, look) =>
  knowing(
    look.facts.get(target.node.name, installed("cluster")),
    `the installation of ${target.node.name}`,
    (is) =>
      doneIf(
        is !== null && readersAt(target, look).some((reader) => is.services.includes(newServiceOf(reader))),
        "none is installed yet",
      ),
  );

export const oldServicesOnly: Judgement = (target, look) =>
  knowing(
    look.facts.get(target.node.name, installed("cluster")),
    `the installation of ${target.node.name}`,
    (is) =>
      doneIf(
        is !== null && !readersAt(target, look).some((reader) => is.services.includes(newServiceOf(reader))),
        "new services are installed",
      ),
  );

/**
 * The rows of every reader on this node are restored (gate 7): no install, no start before that. A reader whose new
 * service an update has installed already applies, and its row moves on; then only what the log holds is proof, and
 * step 12 asks it.
 */
export const rowsRestored: Guard = {
  say: "the tracking rows of this node equal its dumps, but for services that an earlier update has installed already",
  objects: (target, look) => {
    const is = knownValue(look.facts.get(target.node.name, installed("cluster")));
    const verdicts = readersAt(target, look).map((reader) => ({
      verdict: rowsAsDumped(reader, look),
      installed: is?.services.includes(newServiceOf(reader)) === true,
    }));
    const verdict = every(verdicts.filter((each) => !each.installed).map((each) => each.verdict));
    return "why" in verdict ? verdict.why : undefined;
  },
};

export const wantedRelease = ({ pins }: Run, site: string): string | undefined => pins.releases[site];
/** The release that ran when the plan was approved. */
export const formerRelease = ({ pins }: Run, site: string): string | undefined =>
  pins.installed?.[site] ?? pins.releases[site];

/** The product runs from the wanted ini at the wanted release, with every service that ini asks for. */
export const productAsWanted =
  (product: Product, kind: string, releaseOf: (run: Run, site: string) => string | undefined): Judgement =>
  (target, look) => {
    const { run, facts } = look;
    const wanted = look.run.estate.sites
      .filter((site) => site.name !== target.site.name)
      .map((source) => serviceOf(product, target.site, source));
    const release = releaseOf(run, target.site.name);
    return every([
      noTpm(target, look),
      knowing(
        facts.get(target.node.name, installed(product)),
        `the installation of ${target.node.name}`,
        (is) => {
          if (is === null) return pending(`${product} is not installed on ${target.node.name}`);
          const missing = wanted.filter((name) => !is.services.includes(name));
          if (missing.length > 0) return pending(`${target.node.name} lacks ${missing.join(", ")}`);
          if (is.release !== release)
            return pending(`${target.node.name} runs release ${is.release}, wanted is ${release}`);
          return doneIf(
            is.ini === run.pins.iniSha256[kind],
            `${target.node.name} was not configured from the wanted ini yet`,
          );
        },
      ),
    ]);
  };

/** A host that runs only a connector runs it from the composite's ini, at the release of the nodes. */
export const connectorAsWanted: Judgement = (target, look) => {
  const { name } = target.node;
  const { iniSha256, releases } = look.run.pins;
  return every([
    noTpm(target, look),
    knowing(look.facts.get(name, installed("cluster")), `the installation of ${name}`, (is) =>
      is === null
        ? pending(`the cluster product is not installed on ${name}`)
        : doneIf(
            is.ini === iniSha256.CAA && is.release === releases[target.site.name],
            `${name} was not configured from the wanted ini yet`,
          ),
    ),
  ]);
};
