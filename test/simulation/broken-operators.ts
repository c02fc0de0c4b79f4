/**
 * Operators broken on purpose, one or more for each invariant of the conversion. Where one line of defence still holds
 * after another was taken away, the mutation takes away both: what is shown is that the invariant sees it.
 */
import { strike } from "../../simulator/faults.ts";
import { emit } from "../../simulator/model.ts";
import { tablesOf } from "../../simulator/mysql.ts";
import { restore } from "../../simulator/tools/dump.ts";
import { advance } from "../../simulator/world.ts";
import type { KubeObject } from "../../src/controllers/shell.ts";
import { configMapKind, leaseKind, requestKind } from "../../src/kube/kinds.ts";
import * as act from "../../src/procedures/conversion-commands.ts";
import {
  policyAsBefore,
  publish,
  restoreParts,
  servicesOnline,
} from "../../src/procedures/conversion-parts.ts";
import type { Part } from "../../src/procedures/procedure.ts";
import { eachPrimary, eachReader, eachReplica } from "../../src/procedures/scopes.ts";
import { done, pending } from "../../src/procedures/verdicts.ts";
import {
  blind,
  type Change,
  changePart,
  commandsLike,
  everywhere,
  inStep,
  trusting,
  unguarded,
  withoutHolds,
  withoutPart,
  withoutPrechecks,
  withoutStep,
} from "./mutate.ts";
import type { Scene } from "./scene.ts";

export type BrokenOperator = {
  /** The invariants of reliability §6 it must trip, by number. */
  readonly trips: readonly number[];
  readonly name: string;
  readonly changes?: readonly Change[];
  /** Breaks what is not the procedure: the client, the runner, the ledger's surroundings. */
  readonly scene?: (scene: Scene) => void;
  /** Asked before every pass, with its number: what happens meanwhile. The sound operator lives through the same. */
  readonly meanwhile?: (scene: Scene, pass: number, cursor: string) => void;
  /** Commands that a runner with a hole in its closed list lets through. */
  readonly admits?: readonly string[];
  readonly approval?: "none";
  readonly twoRequests?: true;
  readonly again?: true;
};

/** No guard, no second look on the node, nothing re-asked before a step. */
const naked: readonly Change[] = [everywhere(unguarded), withoutPrechecks, withoutHolds];
const unasked: Change = (procedure) => ({ ...procedure, accepts: [] });
/** Takes what it could record for proof. */
const recorded = (part: Part): Part => ({
  ...part,
  done: (target, look) =>
    look.attempt > 0 && Object.keys(part.record?.(target, look) ?? {}).length > 0
      ? done
      : pending("nothing to record yet"),
});
/** Takes a command's beginning for its success, and does not look before. */
const begunIsDone = (part: Part): Part => ({
  ...part,
  done: (_target, look) => (look.attempt > 0 ? done : pending("not begun yet")),
});
const append = (id: string, ...parts: readonly Part[]): Change =>
  inStep(id, (step) => ({ ...step, parts: [...step.parts, ...parts] }));
const stop = "StopCrossSiteReplicators";
const once = (action: (scene: Scene) => void, when: (cursor: string, pass: number) => boolean) => {
  const acted = new WeakSet<Scene>();
  return (scene: Scene, pass: number, cursor: string): void => {
    if (acted.has(scene) || !when(cursor, pass)) return;
    acted.add(scene);
    action(scene);
  };
};

/** The runner's twin with one habit changed: what happens after a command was sent. */
const afterCommand =
  (change: (scene: Scene, host: string, words: readonly string[]) => void) =>
  (scene: Scene): void => {
    scene.world.listeners.push((event) => {
      if (event.kind === "command") change(scene, event.host, event.argv);
    });
  };

/** A reload that forgot to switch the binary log off. */
const logsItsReload = (scene: Scene): void => {
  const { world } = scene;
  let nested = false;
  world.listeners.push((event) => {
    if (event.kind !== "restore" || nested) return;
    nested = true;
    const host = world.hosts.get(event.host);
    const tables = host && tablesOf(host.mysql, event.schema);
    if (tables !== undefined) restore(world, event.host, event.schema, tables, true);
    nested = false;
  });
};

/** Somebody moves rows of one site by hand, under another epoch, before the new services first go online. */
const rowsMovedByHand = (scene: Scene): void => {
  const { world } = scene;
  const moved = new Set<string>();
  world.listeners.push((event) => {
    if (event.kind !== "tpm" || event.verb !== "update" || event.when !== "end" || moved.has(event.host))
      return;
    const host = world.hosts.get(event.host);
    if (host?.site !== "london") return;
    const rows = tablesOf(host.mysql, "tungsten_nyc");
    if (rows?.commit == null) return;
    moved.add(event.host);
    const commit = {
      ...rows.commit,
      seqno: rows.commit.seqno + 1,
      epoch: 999,
      eventId: "mysql-bin.000001:9;-1",
    };
    host.mysql.schemas.set("tungsten_nyc", { ...rows, commit });
  });
};

/** A reload that puts rows back which are two events old. */
const reloadsOldRows = ({ world }: Scene): void => {
  world.listeners.push((event) => {
    if (event.kind !== "restore") return;
    const host = world.hosts.get(event.host);
    const rows = host && tablesOf(host.mysql, event.schema);
    if (host === undefined || rows?.commit == null) return;
    const commit = { ...rows.commit, seqno: rows.commit.seqno - 2 };
    host.mysql.schemas.set(event.schema, { ...rows, commit });
  });
};

const forcesAnything: Change = everywhere((part) =>
  part.what.includes("incoming service online") || part.what.includes("logs hold an event")
    ? {
        ...part,
        run: [{ when: "whatever it says", effect: act.incomingForce("cluster") }],
        done: (target, look) => {
          const verdict = part.done(target, look);
          return verdict.is === "broken" ? pending(verdict.why) : verdict;
        },
      }
    : part,
);

const stateChanged = (scene: Scene, change: (request: KubeObject) => void): void => {
  const { objects } = scene.shell;
  const get = objects.get;
  Object.assign(objects, {
    get: async (...args: Parameters<typeof get>) => {
      const object = structuredClone(await get(...args));
      if (object?.kind === "UpgradeRequest") change(object);
      return object;
    },
  });
};

let looks = 0;
const tooPatient = () => () => {
  looks += 1;
  return looks < 1600 ? "not yet" : undefined;
};

export const brokenOperators: readonly BrokenOperator[] = [
  {
    trips: [37, 1],
    name: "force is unconditional",
    changes: [forcesAnything, ...naked, changePart("Validate", 2, blind)],
    scene: rowsMovedByHand,
  },
  {
    trips: [2, 16],
    name: "old rows are reloaded, and nobody compares them",
    changes: [
      ...naked,
      changePart("ReloadTrackingSchemas", 0, trusting),
      ...[0, 5].map((index) =>
        changePart("UpdateSoftware", index, (part) => ({
          ...part,
          run: part.run.slice(0, 1).map(({ holds: _, ...alternative }) => alternative),
        })),
      ),
    ],
    scene: reloadsOldRows,
  },
  {
    trips: [3],
    name: "the reload is repeated after the new services went online",
    changes: [...naked, append("Validate", ...restoreParts.map(trusting))],
  },
  { trips: [5, 15], name: "the reload goes through the binary log", scene: logsItsReload },
  {
    trips: [6],
    name: "the heartbeat is sent before every service is armed",
    changes: [...naked, changePart(stop, 4, begunIsDone), withoutPart(stop, 3)],
  },
  {
    trips: [7],
    name: "the heartbeat is sent on the replicas",
    changes: [...naked, changePart(stop, 4, (part) => ({ ...trusting(part), on: eachReplica }))],
  },
  {
    trips: [8, 9],
    name: "no heartbeat is sent, and nobody waits for the services to stop",
    changes: [...naked, changePart(stop, 6, recorded), withoutPart(stop, 5), withoutPart(stop, 4)],
  },
  { trips: [10], name: "positions are not copied off the nodes", changes: [...naked, withoutPart(stop, 7)] },
  {
    trips: [11],
    name: "positions are not kept",
    changes: [...naked, withoutPart(stop, 7), withoutPart(stop, 6)],
  },
  { trips: [12], name: "nothing is held", changes: [...naked, withoutPart(stop, 2)] },
  {
    trips: [13],
    name: "uninstalled without dumps",
    changes: [...naked, withoutStep("ExportTrackingSchemas")],
  },
  {
    trips: [14],
    name: "updated without reloading",
    changes: [
      ...naked,
      withoutStep("ReloadTrackingSchemas"),
      changePart("UpdateSoftware", 0, (part) => ({
        ...part,
        run: part.run.slice(1).map(({ holds: _, ...rest }) => rest),
      })),
    ],
  },
  {
    trips: [17],
    name: "the tracking schemas are dropped at the end, by a runner that checks no name",
    scene: afterCommand((scene, host, words) => {
      if (words.join(" ").startsWith("release crossSite"))
        for (const site of scene.world.sites.values())
          if (scene.world.hosts.get(host)?.site !== site.name) {
            const schema = `tungsten_${site.dataservice}`;
            scene.world.hosts.get(host)?.mysql.schemas.delete(schema);
            emit(scene.world, { kind: "tracking-dropped", host, schema });
          }
    }),
  },
  {
    trips: [18, 20],
    name: "a primary that moved is not noticed",
    changes: naked,
    meanwhile: once(
      (scene) => strike(scene.world, "primary-moved", "nyc-0"),
      (cursor) => cursor.startsWith("6/12"),
    ),
  },
  {
    trips: [19],
    name: "read_only is not put back after uninstalling",
    changes: [
      ...naked,
      changePart("UninstallCrossSiteReplicators", 1, (part) => ({
        ...trusting(part),
        run: part.run.slice(0, 1),
      })),
    ],
  },
  {
    trips: [21],
    name: "the new configuration is written on the primaries only",
    changes: [...naked, changePart("UpdateConfiguration", 0, () => ({ ...publish("CAA"), on: eachPrimary }))],
  },
  {
    trips: [22],
    name: "pre-flight is skipped over colliding auto-increments",
    changes: [unasked],
    scene: ({ world }) => {
      for (const host of world.hosts.values()) host.mysql.offset = 1;
    },
  },
  {
    trips: [23],
    name: "MSAA's tool is used on composite nodes",
    changes: [
      ...naked,
      append(
        "Validate",
        ...servicesOnline("crossSite", eachReader).map((part) => ({
          ...trusting(part),
          run: [{ when: "always", effect: act.incomingOnlineCommand("crossSite") }],
        })),
      ),
    ],
  },
  { trips: [33], name: "MAINTENANCE is not set before step 7", changes: [...naked, withoutPart(stop, 0)] },
  {
    trips: [34],
    name: "AUTOMATIC returns while a service is offline",
    changes: [
      ...naked,
      inStep("Validate", (step) => ({ ...step, parts: [] })),
      inStep("ReturnToAutomatic", (step) => ({ ...step, parts: [begunIsDone(unguarded(policyAsBefore))] })),
    ],
    meanwhile: once(
      ({ world }) => {
        const [service] = world.hosts.get("london-1")?.replicators.cluster?.services.values() ?? [];
        if (service !== undefined)
          Object.assign(service, { state: "OFFLINE:NORMAL", since: world.now - 60_000 });
      },
      (cursor) => cursor.startsWith("12/12") || cursor.startsWith("11/12"),
    ),
  },
  {
    trips: [36],
    name: "managers stay stopped for longer than the plan says",
    changes: [
      changePart("StartManagers", 0, (part) => ({
        ...part,
        guards: [{ say: "it is time", objects: tooPatient() }],
      })),
    ],
  },
  {
    trips: [38],
    name: "services are taken offline at once instead of at the heartbeat",
    admits: ["trepctl PRODUCT -service SERVICE offline -immediate"],
    changes: [
      ...naked,
      commandsLike(/offline-deferred/, (sent) => ({
        ...sent,
        begin: { ...sent.begin, argv: [...sent.begin.argv.slice(0, 4), "offline", "-immediate"] },
      })),
    ],
  },
  {
    trips: [4, 39, 41],
    name: "services are left offline at the end",
    changes: [
      ...naked,
      withoutPart("ReturnToAutomatic", 2),
      append("ReturnToAutomatic", {
        what: "take every incoming service offline",
        on: eachReader,
        run: [{ when: "always", effect: act.incomingOfflineCommand("cluster") }],
        done: (_target, look) => (look.attempt > 0 ? done : pending("not begun yet")),
      }),
    ],
  },
  { trips: [40], name: "the policy is not returned", changes: [...naked, withoutStep("ReturnToAutomatic")] },
  {
    trips: [42],
    name: "the second product is left installed",
    changes: [...naked, withoutStep("UninstallCrossSiteReplicators"), withoutStep("ReloadTrackingSchemas")],
  },
  {
    trips: [43],
    name: "a finished request is not remembered, and pre-flight is skipped",
    changes: [unasked],
    again: true,
    scene: (scene) => {
      const { replaceStatus } = scene.shell.objects;
      Object.assign(scene.shell.objects, {
        replaceStatus: (kind: Parameters<typeof replaceStatus>[0], object: KubeObject) =>
          replaceStatus(kind, { ...object, status: { ...object.status, finishedRuns: [] } }),
      });
    },
  },
  {
    trips: [44],
    name: "markers are forgotten, and replies get lost",
    scene: (scene) => {
      const { exec } = scene.shell.pods;
      let sent = 0;
      Object.assign(scene.shell.pods, {
        exec: async (...args: Parameters<typeof exec>) => {
          const outcome = await exec(...args);
          if (args[1][1] !== "start") return outcome;
          sent += 1;
          const host = scene.world.hosts.get(args[0].name);
          if (sent % 5 !== 0 || host === undefined) return outcome;
          // The command runs; nobody will know.
          host.volume.markers.delete(args[1][4] ?? "");
          await exec(...args);
          return { kind: "lost", why: "connection reset" };
        },
      });
    },
  },
  {
    trips: [45],
    name: "the process stood still between looking and acting, and nothing looks again",
    changes: naked,
    meanwhile: once(
      (scene) => {
        const { exec } = scene.shell.pods;
        Object.assign(scene.shell.pods, {
          exec: async (...args: Parameters<typeof exec>) => {
            if (args[1][4]?.includes("_Uninstall")) advance(scene.world, 15_000);
            return exec(...args);
          },
        });
      },
      (cursor) => cursor.startsWith("4/12"),
    ),
  },
  {
    trips: [46],
    name: "a site's Lease is always one's own",
    changes: [unasked],
    twoRequests: true,
    scene: (scene) => {
      const { get } = scene.shell.objects;
      let asks = "";
      Object.assign(scene.shell.objects, {
        get: async (kind: Parameters<typeof get>[0], ref: Parameters<typeof get>[1]) => {
          const object = await get(kind, ref);
          if (kind === requestKind) asks = object?.metadata.uid ?? "";
          return kind === leaseKind && object !== undefined
            ? { ...object, spec: { ...object.spec, holderIdentity: asks } }
            : object;
        },
      });
    },
  },
  {
    trips: [47],
    name: "a password is handed over as an argument",
    admits: ["hold HOLD NAME"],
    changes: [
      ...naked,
      commandsLike(/^hold crossSite/, (sent) => ({
        ...sent,
        begin: { ...sent.begin, argv: [...sent.begin.argv, "hunter2"] },
      })),
    ],
    scene: (scene) => Object.assign(scene.world, { canary: "hunter2" }),
  },
  {
    trips: [48],
    name: "a part that can never be done waits without a word",
    changes: [
      changePart("UpdateConfiguration", 0, (part) => ({ ...part, run: [], done: () => pending("for ever") })),
    ],
  },
  {
    trips: [49],
    name: "deleting the request is taken for abort",
    scene: (scene) =>
      stateChanged(scene, (request) => {
        if (request.metadata.deletionTimestamp !== undefined) request.spec.abort = true;
      }),
    meanwhile: once(
      ({ objects }) =>
        objects.edit(requestKind, { namespace: "estate", name: "to-caa" }, ({ metadata }) => {
          metadata.deletionTimestamp = "2026-01-01T00:00:00Z";
        }),
      (cursor) => cursor.startsWith("3/12"),
    ),
  },
  {
    trips: [50],
    name: "the journal is not written",
    scene: (scene) => {
      const { replace, create } = scene.shell.objects;
      const blank = (kind: unknown, object: KubeObject): KubeObject =>
        kind === configMapKind && object.metadata.name.includes("-journal-")
          ? { ...object, data: { "journal.jsonl": "" } }
          : object;
      Object.assign(scene.shell.objects, {
        replace: (kind: Parameters<typeof replace>[0], object: KubeObject) =>
          replace(kind, blank(kind, object)),
        create: (kind: Parameters<typeof create>[0], object: KubeObject) => create(kind, blank(kind, object)),
      });
    },
  },
];
