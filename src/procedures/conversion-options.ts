/**
 * Options of cross-site services, after each `tpm update`: it passes by the sections they stand in, so post-process writes
 * them, while the replicator is stopped, and only then do the services come up (tungsten-config §1.4). Until then
 * `auto-enable=false` keeps them offline: a service without its filters would apply what they hold back.
 */
import { carriedServices, enabledProperty } from "../ini/cross-site-options.ts";
import type { Estate } from "../topology/estate.ts";
import { generatedService } from "../topology/names.ts";
import { installed, properties } from "../tungsten/node-facts.ts";
import { postProcess, replicator } from "./conversion-commands.ts";
import { noTpm, noTpmAlive } from "./conversion-products.ts";
import { processRuns, processStopped } from "./conversion-services.ts";
import type { Judgement, Part, Run, Target } from "./procedure.ts";
import { doneIf, every, knowing, pending } from "./verdicts.ts";

/** A name that the runner takes as a word; forms like `name+` are the vendor's operators, and not asked. */
const asked = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,179}$/;
const secretive = /pass|secret|key/i;

/** The text that the nodes run from, by its key in the walk; `sites`: those it is about, left out where it is all of them. */
export type OptionText = { readonly key: string; readonly sites?: readonly string[] };

const ofComposite: OptionText = { key: "CAA" };

/** The estate that a text is about: its sites, and the links between them. */
function estateOf({ estate }: Run, { sites }: OptionText): Estate {
  if (sites === undefined) return estate;
  return {
    ...estate,
    sites: estate.sites.filter(({ name }) => sites.includes(name)),
    links: estate.links.filter(({ source, target }) => sites.includes(source) && sites.includes(target)),
  };
}

type Wanted = { readonly service: string; readonly values: ReadonlyMap<string, string> };

/** What post-process has written once it is through: its sign in each service of the node, and `property=` lines as they are. */
function wantedOn({ site }: Target, estate: Estate): readonly Wanted[] {
  const carried = carriedServices(estate);
  const others = estate.sites.filter((source) => source.name !== site.name);
  const names = [site.dataservice, ...others.map((source) => generatedService(site, source))];
  return names.map((service) => {
    const entries = carried.find((each) => each.service === service)?.entries ?? [];
    const values = entries.flatMap(([key, value]): [string, string][] => {
      const at = value.indexOf("=");
      const name = value.slice(0, at);
      return key === "property" && asked.test(name) && !secretive.test(name)
        ? [[name, value.slice(at + 1)]]
        : [];
    });
    return { service, values: new Map([...values, enabledProperty]) };
  });
}

/** Post-process is through on this node, and nothing has replaced what it wrote. */
const optionsInForce =
  (text: OptionText): Judgement =>
  (target, look) => {
    const { name } = target.node;
    return every([
      noTpm(target, look),
      knowing(look.facts.get(name, installed("cluster")), `the installation of ${name}`, (is) =>
        is === null || is.unfinished !== null
          ? pending(`a tpm that was cut off left ${name} half configured`)
          : doneIf(true, ""),
      ),
      ...wantedOn(target, estateOf(look.run, text)).map(({ service, values }) =>
        knowing(
          look.facts.get(name, properties(service, [...values.keys()])),
          `the configuration of ${service} on ${name}`,
          (has) => {
            const missing = [...values].find(([key, value]) => has.get(key) !== value);
            return doneIf(
              missing === undefined,
              `${service} on ${name} does not have ${missing?.join("=")} in its configuration yet`,
            );
          },
        ),
      ),
    ]);
  };

/** No targets where no link has an option. */
const whereCarried =
  (who: Part["on"], text: OptionText): Part["on"] =>
  (run) =>
    carriedServices(estateOf(run, text)).length === 0 ? [] : who(run);

/** After an install or update of these nodes; the replicator is left stopped. */
export const optionsWritten = (who: Part["on"], text = ofComposite): Part => ({
  what: "write the cross-site services' own options into their configuration, which install and update pass by, while the replicator stands still",
  vendor: "tpm post-process -y",
  on: whereCarried(who, text),
  guards: [noTpmAlive],
  run: [
    {
      when: "the replicator runs, with services that stay offline",
      holds: processRuns("cluster"),
      effect: replicator("cluster", "stop"),
    },
    { when: "it is stopped", holds: processStopped("cluster"), effect: postProcess(text.key) },
  ],
  done: optionsInForce(text),
  tries: 10,
  stallSeconds: 600,
});

/** Parts after an update of these nodes, whose replicator is to run. */
export function optionParts(who: Part["on"], text = ofComposite): readonly Part[] {
  return [
    optionsWritten(who, text),
    {
      what: "start the replicator, which now reads them",
      on: whereCarried(who, text),
      run: [
        {
          when: "it is stopped, and the options are in force",
          holds: (target, look) =>
            every([optionsInForce(text)(target, look), processStopped("cluster")(target, look)]),
          effect: replicator("cluster", "start"),
        },
      ],
      done: (target, look) =>
        every([processRuns("cluster")(target, look), optionsInForce(text)(target, look)]),
    },
  ];
}
