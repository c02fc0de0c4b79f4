/**
 * Take a passive site out of an active/passive composite (tungsten-config §1.3, tungsten-cli §11.10: maintenance, the ini
 * without it on all nodes, tools/tpm update --replace-release, cctrl shows the rest). Asked for by taking it out of
 * spec.members. What the active site wrote up to a heartbeat arrives at it first, or is given up by a word. It ends out of
 * service: with all its data, and nothing running. With a text of its own its relay would become a
 * primary that takes writes (ADR 0023).
 */
import { heartbeat } from "../tungsten/trepctl.ts";
import * as go from "./conversion-services.ts";
import { heartbeatArrived, leadingAsPinned, ledBy } from "./leading.ts";
import { allOf, outPart, scopesOf, stoppedAndHeld, takeOutStep } from "./out-of-composite.ts";
import { either } from "./out-of-service.ts";
import type { Judgement, Part, Procedure, Step, Target } from "./procedure.ts";
import { publishTexts } from "./remove-links.ts";
import {
  forward,
  type MemberRemoval,
  managersShow,
  promoteSteps,
  removal,
  updateStep,
} from "./remove-member.ts";
import { eachSite, eachWriter } from "./scopes.ts";
import { check, safely } from "./site-commands.ts";
import { enterMaintenance, localService, maintenanceStays, returnPolicy, type Scope } from "./site-parts.ts";
import { done, every } from "./verdicts.ts";

const none: Scope = () => [];

const arrivedKey = (node: string): string => `arrived.${node}`;

/** What this walk has seen arrive; a walk that begins anew waits for nothing at a node whose relay it has stopped. */
export const arrivals = (kept: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(kept).filter(([key]) => key.startsWith(arrivedKey(""))));

const hasArrived =
  (judge: Judgement): Judgement =>
  (target, look) =>
    look.run.kept[arrivedKey(target.node.name)] === undefined ? judge(target, look) : done;

/** A heartbeat of the site that takes the writes stands on all these nodes; it is sent once more where it was lost. */
const beat = (what: string, mark: string, on: Scope, { beat: tag }: MemberRemoval): Part => {
  const prefix = `tu-${tag}-${mark}`;
  return {
    what,
    vendor: "trepctl heartbeat -name NAME",
    on: eachWriter,
    guards: [maintenanceStays],
    run: [
      {
        when: "none has arrived everywhere",
        effect: ({ node, site }, run, attempt) =>
          safely(node, heartbeat("cluster", site.dataservice, `${prefix}${run.round}-${attempt}`), {
            prechecks: [check("writable", "yes"), check("policy-is", "MAINTENANCE")],
          }),
      },
    ],
    done: ({ site: sender }, look) =>
      every(
        on(look.run).map((target) =>
          hasArrived(() => heartbeatArrived(sender, target.node, (name) => name.startsWith(prefix), look))(
            target,
            look,
          ),
        ),
      ),
    settleSeconds: 120,
    tries: 100,
    stallSeconds: 1800,
  };
};

/** Where every node of the leaver stood when all that was awaited had arrived. */
const standsRecord =
  (nodes: Scope): NonNullable<Part["record"]> =>
  (_target, look) =>
    Object.fromEntries(
      nodes(look.run).flatMap((target) => {
        const status = go.serviceStatus("cluster", target.site.dataservice, target, look);
        const key = arrivedKey(target.node.name);
        const at = typeof status === "string" ? "?" : (status.appliedSeqno ?? "?");
        return look.run.kept[key] === undefined ? [[key, String(at)]] : [];
      }),
    );

const drainStep = (about: MemberRemoval): Step => {
  const { nodes } = scopesOf(about);
  const awaited = about.awaits ? nodes : none;
  const online = localService(awaited);
  const arrival = beat(
    "what the site that takes the writes has written up to a heartbeat is on every node of the site that leaves",
    "d",
    nodes,
    about,
  );
  return {
    n: 2,
    id: "DrainRelay",
    title: "Let arrive what travels to the site",
    condition: "RelayDrained",
    undo: forward,
    parts: [
      { ...online, done: hasArrived(online.done) },
      { ...arrival, on: about.awaits ? arrival.on : none, record: standsRecord(nodes) },
    ],
  };
};

/** A walk that begins anew finds the leaver's managers stopped: nobody there fails over or brings anything back. */
const maintenanceStep = (about: MemberRemoval): Step => {
  const { nodes } = scopesOf(about);
  const enter = enterMaintenance(eachSite);
  const managersOut = allOf(nodes, stoppedAndHeld("manager"));
  const isLeaver = ({ site }: Target) => site.name === about.leaver.name;
  const parts = enter.parts.map((part): Part => {
    const unlessOut = either(managersOut, part.done);
    return {
      ...part,
      done: (target, look) => (isLeaver(target) ? unlessOut : part.done)(target, look),
    };
  });
  return { ...enter, parts };
};

/** One head a site, of the role that its site has, by managers, databases and replicators; relays read the active site. */
const ledAsBefore: Judgement = ({ site }, look) =>
  ledBy(
    leadingAsPinned(look.run),
    site,
    site.nodes.filter((node) => !node.witness),
    look,
  );

const proveStep = (about: MemberRemoval, n: number): Step => {
  const { rest, restHeads } = scopesOf(about);
  const { composite } = about;
  const managers: readonly Part[] =
    composite === undefined
      ? []
      : [
          {
            what: "every manager that stays shows the sites that stay in the composite, and no other",
            vendor: "cctrl -multi> use COMPOSITE; ls",
            on: rest,
            run: [],
            done: managersShow(about, composite),
            stallSeconds: 600,
          },
        ];
  return {
    n,
    id: "ProveRest",
    title: "See the site out of service, and the rest replicate",
    condition: "RestProven",
    undo: "Nothing to undo.",
    parts: [
      outPart(about),
      localService(rest),
      ...managers,
      {
        what: "each site that stays is led as before",
        on: restHeads,
        run: [],
        done: ledAsBefore,
        stallSeconds: 600,
      },
      beat(
        "a fresh heartbeat of the site that takes the writes arrives on every node that stays",
        "v",
        rest,
        about,
      ),
    ],
  };
};

/** The way of one passive site out of its composite. */
export function removePassive(about: MemberRemoval): Procedure {
  const rounds = Math.max(...about.sites.map((nodes) => nodes.length));
  const { rest, restSites } = scopesOf(about);
  return removal([
    maintenanceStep(about),
    drainStep(about),
    takeOutStep(about),
    publishTexts(about.texts, 4, forward),
    ...Array.from({ length: rounds }, (_, index) => updateStep(about, index, 5 + index, none, rest)),
    proveStep(about, 5 + rounds),
    returnPolicy(6 + rounds, { onSite: restSites, nodes: rest, readers: none, product: "cluster" }),
    ...promoteSteps(about, 7 + rounds),
  ]);
}
