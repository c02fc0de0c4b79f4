/**
 * The memory of the sites (`status.finishedRuns`): a run is written there at its end, and recognised when self-heal, a
 * restore or Git creates a request of its name again. What is compared: name, procedure and what the steps depend on.
 */
import type { Ledger } from "../crds/ledger.ts";
import { clusterKind } from "../kube/kinds.ts";
import { type StepTime, stepTimes } from "./durations.ts";
import type { KubeObject, Shell } from "./shell.ts";
import type { Pass } from "./upgrade-request.ts";

const remembered = 20;

/** `sites` and `asked` are absent where an earlier version of the operator wrote it. */
type FinishedRun = {
  readonly uid: string;
  readonly name: string;
  readonly procedure: string;
  readonly outcome: string;
  readonly finishedAt: string;
  readonly sites?: readonly string[];
  readonly asked?: readonly string[];
  readonly notes?: readonly string[];
  readonly steps?: readonly StepTime[];
};

/** What was asked, one line for each field that the steps depend on. */
const linesOf = (frozen: Readonly<Record<string, string>>): readonly string[] =>
  Object.entries(frozen)
    .map(([field, value]) => `${field}: ${value}`)
    .sort();

/** What later plans have to show: events left out, services forced, statements run. */
function notesOf({ kept }: Ledger): { readonly notes?: readonly string[] } {
  const notes = Object.entries(kept)
    .filter(([name]) => name.startsWith("past."))
    .map(([, note]) => note);
  return notes.length === 0 ? {} : { notes };
}

/** Writes a finished run into the memory of one of its sites; done again it changes nothing. */
export async function rememberRun(
  shell: Shell,
  { metadata }: KubeObject,
  ledger: Ledger,
  site: string,
): Promise<void> {
  const cluster = await shell.objects.get(clusterKind, { namespace: metadata.namespace ?? "", name: site });
  if (cluster === undefined) return;
  const runs: readonly FinishedRun[] = cluster.status?.finishedRuns ?? [];
  const uid = metadata.uid ?? "";
  if (runs.some((run) => run.uid === uid)) return;
  const run: FinishedRun = {
    uid,
    name: metadata.name,
    procedure: ledger.procedure,
    outcome: ledger.outcome ?? "",
    finishedAt: new Date(shell.clock.now()).toISOString(),
    sites: Object.keys(ledger.pins?.members ?? {}).sort(),
    asked: linesOf(ledger.pins?.parameters ?? {}),
    steps: stepTimes(ledger),
    ...notesOf(ledger),
  };
  await shell.objects.replaceStatus(clusterKind, {
    ...cluster,
    status: { ...cluster.status, finishedRuns: [...runs, run].slice(-remembered) },
  });
}

const namesakes = (cluster: KubeObject | undefined, { request, spec }: Pass): readonly FinishedRun[] =>
  ((cluster?.status?.finishedRuns ?? []) as readonly FinishedRun[]).filter(
    ({ name, procedure }) => name === request.metadata.name && procedure === spec.procedure,
  );

/** The runs of this name that have succeeded, by site of its estate. */
const successes = (pass: Pass): ReadonlyMap<string, readonly FinishedRun[]> =>
  new Map(
    pass.estate.sites.map(({ name }) => [
      name,
      namesakes(pass.namespace.clusters.get(name), pass).filter(({ outcome }) => outcome === "Succeeded"),
    ]),
  );

/**
 * Whether this has been done: some site remembers a run of the same name, procedure and words, and so does each site of
 * the estate that was in that run. One that has joined since need not; one that was there and has forgotten was made anew,
 * and nobody knows whether what was done still holds on it. A run whose sites were not written down counts for all of them,
 * and one without words for all words. Words have to be the same ones, not among those of now: a word that an earlier
 * version did not know may ask for what that run never did.
 */
export function isDone(pass: Pass): boolean {
  const bySite = successes(pass);
  const asked = linesOf(pass.procedureOf(pass.spec).frozen).join("\n");
  const knows = (site: string, uid: string) => bySite.get(site)?.some((run) => run.uid === uid) ?? true;
  return [...bySite.values()]
    .flat()
    .some(
      ({ uid, sites, asked: words }) =>
        (words === undefined || words.join("\n") === asked) &&
        (sites ?? [...bySite.keys()]).every((site) => knows(site, uid)),
    );
}

/**
 * How a run of this name has ended before that is not this one done: an aborted or reverted one on any site of the
 * namespace, or one that succeeded in this estate. What only reads is remembered by nobody.
 */
export function endedBefore(pass: Pass): string | undefined {
  const undone = [...pass.namespace.clusters.values()]
    .flatMap((cluster) => namesakes(cluster, pass))
    .find(({ outcome }) => outcome === "Aborted" || outcome === "Reverted");
  return undone?.outcome ?? [...successes(pass).values()].flat()[0]?.outcome;
}
