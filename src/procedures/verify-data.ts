/**
 * Verify data: are the rows of all nodes of all sites equal? A procedure of its own, and the conversion's first and last
 * act where asked for. It only reads, so it holds nothing, sets no policy and takes no Lease.
 */
import type { Survey } from "../crds/survey.ts";
import { activeSite, type Estate } from "../topology/estate.ts";
import type { Facts } from "../tungsten/facts.ts";
import { clusterView } from "../tungsten/node-facts.ts";
import { compositeAsTold } from "./composite-preflight.ts";
import { headRole, headWord, soleHead } from "./leading.ts";
import type { PinsReading, Procedure, Run, Step, Target, Verdict } from "./procedure.ts";
import { pinnedPrimary } from "./scopes.ts";
import { surveyed } from "./survey.ts";
import type { SurveyParameters } from "./survey-compare.ts";
import { broken, done, knownValue } from "./verdicts.ts";

/** The finding a human acknowledges to convert although the data differs or is not known to be equal. */
export const dataWord = "data";

const reference = (run: Run): readonly Target[] =>
  run.estate.sites.slice(0, 1).map((site) => ({ id: site.name, node: pinnedPrimary(run, site), site }));

/** One comparison of all data as a step. `name` is the survey's, in the ledger and of its report. */
export function verifyStep(
  step: Pick<Step, "n" | "id" | "title" | "condition"> & { readonly name: string },
  parameters: SurveyParameters,
  then?: (survey: Survey) => Verdict,
): Step {
  const { name, ...named } = step;
  const { rowsPerChunk, secondsPerChunk, pauseMilliseconds, readings } = parameters;
  return {
    ...named,
    undo: "Nothing to undo: it only reads.",
    lasts: true,
    parts: [
      {
        what: `read every table of every node in chunks of ${rowsPerChunk} rows, at most ${secondsPerChunk} s each and ${pauseMilliseconds} ms apart, and compare them with the first site's primary; what differs is read up to ${readings} times, after replication has caught up`,
        on: reference,
        run: [],
        done: surveyed(name, parameters, then),
        stallSeconds: Math.max(300, 2 * parameters.lagSeconds),
      },
    ],
  };
}

/** Halts before anything was touched, unless a human has read the report and said so. */
export const differingHalts =
  (acknowledged: readonly string[]) =>
  ({ tables }: Survey): Verdict =>
    tables.differing + tables.unknown === 0 || acknowledged.includes(dataWord)
      ? done
      : broken(
          "DataDiffers",
          `${tables.differing} tables differ and ${tables.unknown} could not be read on every node; read the report that status.data names, then abort, or add "${dataWord}" to spec.convertMsaaToCaa.acknowledgedFindings`,
        );

function readPrimaries(estate: Estate, facts: Facts): PinsReading {
  const primaries: Record<string, string> = {};
  const open: string[] = [];
  for (const site of estate.sites) {
    const views = site.nodes
      .filter((node) => !node.witness)
      .map((node) => knownValue(facts.get(node.name, clusterView)));
    const view = views.find((candidate) => candidate !== undefined);
    const role = headRole(estate, site.name);
    const primary = view && soleHead(view, role);
    if (primary === undefined) open.push(`${site.name} shows no single ONLINE ${headWord(role)}`);
    else primaries[site.name] = primary;
  }
  if (open.length > 0) return { unknown: open.join("; ") };
  const bySite = <T>(value: (site: Estate["sites"][number]) => T) =>
    Object.fromEntries(estate.sites.map((site) => [site.name, value(site)]));
  const members = bySite((site) => site.nodes.filter((node) => !node.witness).map((node) => node.name));
  const releases = bySite((site) => site.release);
  const active = activeSite(estate);
  const pinned = active !== undefined && { activeSite: active.name };
  return { pins: { ...pinned, primaries, policies: {}, backupNodes: {}, members, releases } };
}

/** The procedure for one request's parameters. */
export function verifyData(parameters: SurveyParameters): Procedure {
  return {
    name: "VerifyData",
    revision: 1,
    source: "no page of the vendor's; checksums by chunk as pt-table-checksum made them known",
    readsOnly: true,
    accepts: [compositeAsTold()],
    holds: [],
    pins: readPrimaries,
    steps: [
      verifyStep(
        { n: 1, id: "VerifyData", title: "Verify data", condition: "DataRead", name: "data" },
        parameters,
      ),
    ],
    abortUntil: { step: "VerifyData", part: 1 },
    revert: [],
    revertUntil: { step: "VerifyData", part: 1 },
    budgets: [],
    interruptions: () => [],
  };
}
