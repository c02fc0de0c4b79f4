/** Cross-site services around one site, whichever product carries them: its nodes that read others, others' nodes that read it. */
import { type Estate, type Node, type Site, siteNamed } from "../topology/estate.ts";
import { generatedService } from "../topology/names.ts";
import type { Product } from "../tungsten/invocation.ts";
import type { ReplicatorStatus } from "../tungsten/reading.ts";
import { classifyError } from "../tungsten/replicator-errors.ts";
import { online } from "../tungsten/trepctl.ts";
import { replicator } from "./conversion-commands.ts";
import { sourceOf } from "./conversion-names.ts";
import { errorWords, wordOf } from "./conversion-readers.ts";
import { processStopped, serviceStatus } from "./conversion-services.ts";
import type { Alternative, Judgement, Look, Part, Run, Target, Verdict } from "./procedure.ts";
import { eachReader } from "./scopes.ts";
import { doneIf, pending } from "./verdicts.ts";

/** What was installed at the site when the plan was approved: the second product (MSAA), or the cluster's own services (CAA). */
export const crossingProduct = ({ pins }: Run, site: Site): Product =>
  pins.installed?.[site.name] === undefined ? "cluster" : "crossSite";

/** How the service that applies a source at a site is called there. */
export const crossingService = (run: Run, site: Site, source: Site): string =>
  crossingProduct(run, site) === "crossSite" ? source.dataservice : generatedService(site, source);

/** MSAA reads along its links, a composite from everybody. */
const reads = ({ links, composite }: Estate, product: Product, target: string, source: string): boolean =>
  product === "cluster"
    ? composite !== undefined
    : links.some((link) => link.source === source && link.target === target);

/** Every reader of the estate that there is. */
export const existingReaders = (run: Run): readonly Target[] =>
  eachReader(run).filter((reader) =>
    reads(run.estate, crossingProduct(run, reader.site), reader.site.name, sourceOf(reader).name),
  );

/** Readers at a site, and readers of it at the others. */
export const readersAround =
  (site: string) =>
  (run: Run): readonly Target[] =>
    existingReaders(run).filter((reader) => reader.site.name === site || sourceOf(reader).name === site);

export const crossingStatus = (reader: Target, look: Look): ReplicatorStatus | string =>
  serviceStatus(
    crossingProduct(look.run, reader.site),
    crossingService(look.run, reader.site, sourceOf(reader)),
    reader,
    look,
  );

/** ONLINE without an error; what mends it is told otherwise. */
export const statusFine = (status: ReplicatorStatus | string, where: string): Verdict => {
  if (typeof status === "string") return pending(status);
  const remedy = classifyError(status)?.remedy;
  const way = remedy === undefined ? "" : `; what mends it: ${remedy}`;
  return doneIf(
    status.state === "ONLINE" && status.pendingError === null && status.offlineRequests.length === 0,
    `${status.service} on ${where} is ${wordOf(status)}${errorWords(status)}${way}`,
  );
};

export const crossingOnline: Judgement = (reader, look) =>
  statusFine(crossingStatus(reader, look), reader.node.name);

export const isGivenUp = ({ state, transitioningTo }: ReplicatorStatus): boolean =>
  state === "OFFLINE:NORMAL" || (state === "OFFLINE:ERROR" && transitioningTo === null);

/** Offline, and what its error says is no case for anything but a plain online. Force and skip are never taken here. */
export const needsPlainOnline: Judgement = (reader, look) => {
  const status = crossingStatus(reader, look);
  if (typeof status === "string") return pending(status);
  const kind = classifyError(status)?.kind;
  return doneIf(
    isGivenUp(status) && kind !== "epoch-mismatch" && kind !== "apply-failure",
    `it is ${wordOf(status)}${errorWords(status)}`,
  );
};

/** Its id when it is known to be down; undefined while it runs, or nobody can say. */
export const crossingDown = (reader: Target, look: Look): string | undefined => {
  const status = crossingStatus(reader, look);
  const gone =
    typeof status === "string" ? byProduct(processStopped)(reader, look).is === "done" : isGivenUp(status);
  return gone ? reader.id : undefined;
};

const byProduct =
  (judge: (product: Product) => Judgement): Judgement =>
  (reader, look) =>
    judge(crossingProduct(look.run, reader.site))(reader, look);

const startProcess: Alternative["effect"] = (reader, run, attempt) =>
  replicator(crossingProduct(run, reader.site), "start")(reader, run, attempt);

const plainOnline: Alternative["effect"] = (reader, run) => ({
  begin: {
    argv: online(crossingProduct(run, reader.site), crossingService(run, reader.site, sourceOf(reader))),
    deadlineSeconds: 60,
    repeat: "safe",
  },
  on: reader.node,
});

/** A service that is offline is brought online; one in an error that nobody may mend by itself is told with its remedy. */
export const crossingServicesOnline = (on: Part["on"]): Part => ({
  what: "every cross-site service of the site, and every one that reads it at the other sites, is ONLINE",
  vendor: "mm_trepctl online",
  on,
  run: [
    { when: "its process is down", holds: byProduct(processStopped), effect: startProcess },
    { when: "it is offline", holds: needsPlainOnline, effect: plainOnline },
  ],
  done: crossingOnline,
  tries: 20,
});

/** Data nodes of a site by its name. */
export const nodesOf = (run: Run, site: string): readonly Node[] =>
  siteNamed(run.estate, site).nodes.filter((node) => !node.witness);
