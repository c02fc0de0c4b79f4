/**
 * `tpm post-process`: what the sections `[S.replicator]` and `[x_from_y]` say goes into the static configuration of that
 * service, and of no other (tungsten-config §1.4). Property names are those of the open release's templates.
 */
import { ask, type Steps } from "../outside.ts";
import { autoEnable } from "../replicator.ts";
import type { Installed } from "../state.ts";
import { type Configuration, readConfiguration, truth } from "./ini.ts";
import type { Call } from "./tool.ts";

const propertyOf: Readonly<Record<string, string>> = {
  "auto-enable": autoEnable,
  "log-slave-updates": "replicator.log.slave.updates",
  "svc-applier-filters": "replicator.stage.q-to-dbms.filters",
  "svc-remote-filters": "replicator.stage.remote-to-thl.filters",
  "svc-thl-filters": "replicator.stage.thl-to-q.filters",
  "svc-extractor-filters": "replicator.stage.binlog-to-q.filters",
};

/** What an install or update writes of it: the options of all services. */
export const staticProperties = ({ options }: Configuration): Readonly<Record<string, string>> => ({
  [autoEnable]: String(truth(options.get("auto-enable") ?? "true") ?? true),
});

function written(section: ReadonlyMap<string, string>): Readonly<Record<string, string>> {
  const entries = [...section].flatMap(([key, value]) =>
    key === "property"
      ? value.split("\n").map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)])
      : [[propertyOf[key] ?? `replicator.${key.replaceAll("-", ".")}`, value]],
  );
  return Object.fromEntries(entries);
}

/** One service after the other, so that a kill between leaves some of them as they were. */
export function* postProcess({ product }: Call, installed: Installed): Steps<void> {
  const { sections } = readConfiguration((yield* ask("configuration")) ?? "", product);
  let services = installed.services;
  for (const { name, source } of installed.services) {
    const section = sections.get(name === source ? `${name}.replicator` : name);
    if (section === undefined) continue;
    services = services.map((service) =>
      service.name === name
        ? { ...service, properties: { ...service.properties, ...written(section) } }
        : service,
    );
    yield* ask("reconfigure", product, { ...installed, services });
    yield* ask("sleep", 300);
  }
}
