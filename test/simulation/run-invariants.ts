/** The invariants that need more than the world: what lies off the nodes, the request, the journal, how fresh a look was. */
import { type Host, hostsOf, type WorldEvent } from "../../simulator/model.ts";
import { tablesOf } from "../../simulator/mysql.ts";
import type { KubeObject } from "../../src/controllers/shell.ts";
import { type Violation, type Watch, watchWorld } from "./invariants.ts";
import type { Scene } from "./scene.ts";

/** A destructive command may rest on what was seen no longer ago than this. */
const freshMs = 10_000;
const destructive =
  /^(tpm \S+ \S+ (uninstall|update|install)|restore-schema|trepctl \S+ -service \S+ (online -force|reset)|drop-schema|copy-datadir|tprovision|database stop)/;

const requests = (scene: Scene): readonly KubeObject[] =>
  [...scene.objects.all()].filter(([key]) => key.startsWith("upgraderequests/")).map(([, object]) => object);

const copiesOff = (scene: Scene, prefix: string): number =>
  [...scene.objects.all()].filter(
    ([key, object]) => key.startsWith("secrets/") && JSON.stringify(object.metadata).includes(prefix),
  ).length;

/** Watches a scene from now on: the world's invariants and the run's. */
export function watchScene(scene: Scene, goingBack: () => boolean = () => false): Watch {
  const { world } = scene;
  const watch = watchWorld(world, goingBack);
  const broken = (n: number, what: string): void => {
    if (watch.violations.length < 50) watch.violations.push({ n, what } satisfies Violation);
  };
  const applied = new Map<string, number>();
  const primaries = new Map([...world.sites].map(([name, site]) => [name, site.primary]));
  let movedAt = 0;

  const watchRows = (): void => {
    for (const host of world.hosts.values())
      for (const site of world.sites.values()) {
        const key = `${host.name} ${site.dataservice}`;
        const seqno = tablesOf(host.mysql, `tungsten_${site.dataservice}`)?.commit?.seqno;
        if (seqno === undefined) continue;
        const before = applied.get(key) ?? -1;
        if (seqno < before && !goingBack()) broken(3, `${key} went from ${before} back to ${seqno}`);
        applied.set(key, seqno);
      }
  };

  const beforeStop = (host: Host): void => {
    const files = [...world.hosts.values()].flatMap((each) =>
      [...each.volume.kept.keys()].filter((name) => name.startsWith("position-")),
    );
    const wanted = world.hosts.size * (world.sites.size - 1);
    const off = copiesOff(scene, "position-");
    if (new Set(files).size < wanted || off < wanted)
      broken(
        10,
        `${host.name} stops with ${files.length} positions kept and ${off} copied, wanted ${wanted}`,
      );
  };

  const beforeUpdate = (host: Host): void => {
    const hosts = [...world.hosts.values()];
    if (new Set(hosts.map((each) => each.volume.ini)).size > 1)
      broken(21, `${host.name} updates while nodes have different inis`);
    if (hosts.some((each) => Object.values(each.volume.installed).some((is) => is.channels > 1)))
      broken(21, `${host.name} updates under parallel apply`);
    const offsets = [...world.sites.keys()].map((name) =>
      hostsOf(world, name).map((each) => each.mysql.offset),
    );
    const distinct = new Set(offsets.map(([first]) => first)).size === world.sites.size;
    const alike = offsets.every((list) => new Set(list).size === 1);
    const wide = hosts.every(({ mysql }) => mysql.increment >= world.sites.size && mysql.format === "ROW");
    if (!distinct || !alike || !wide)
      broken(22, `${host.name} updates with colliding auto-increment or no ROW log`);
  };

  const onCommand = ({ host: name, argv }: Extract<WorldEvent, { kind: "command" }>): void => {
    const words = argv.join(" ");
    const host = world.hosts.get(name);
    if (host === undefined) return;
    const moved = [...primaries].some(([site, primary]) => world.sites.get(site)?.primary !== primary);
    if (moved && !goingBack() && world.now - movedAt > 3000)
      broken(20, `${name}: ${words} after a primary has moved`);
    if (/^(replicator crossSite|prep-upgrade \S+) stop$/.test(words) && !goingBack()) beforeStop(host);
    if (words.startsWith("tpm cluster") && words.includes("update")) beforeUpdate(host);
  };

  const engine = watchEngine(scene, broken);
  world.listeners.push((event) => {
    if (event.kind === "primary") movedAt = world.now;
    if (event.kind === "command") onCommand(event);
    if (event.kind === "state" || event.kind === "restore" || event.kind === "policy") watchRows();
  });

  const end = (interruptionSeconds: number): void => {
    watch.end(interruptionSeconds);
    engine();
    for (const host of world.hosts.values())
      for (const source of world.sites.values()) {
        if (source.name === host.site) continue;
        const log = world.hosts
          .get(source.primary)
          ?.volume.thl.get(`cluster/${source.dataservice}`)
          ?.at(-1)?.seqno;
        const seqno = tablesOf(host.mysql, `tungsten_${source.dataservice}`)?.commit?.seqno;
        if (log !== undefined && (seqno === undefined || seqno < log))
          broken(41, `${host.name} stands at ${seqno} of ${source.name}, whose log ends at ${log}`);
      }
  };
  return { ...watch, end };
}

/** What holds for every procedure: looks that are fresh, one run at a time, no secret told, a journal of all that ran. */
export function watchEngine(scene: Scene, broken: (n: number, what: string) => void): () => void {
  const { world } = scene;
  const active = new Set<string>();
  const onCommand = ({ host: name, key, argv, checks }: Extract<WorldEvent, { kind: "command" }>): void => {
    const words = argv.join(" ");
    const run = key.split("_")[0] ?? "";
    const looked = scene.looks.get(name) ?? Number.NEGATIVE_INFINITY;
    if (destructive.test(words) && checks === 0 && world.now - looked > freshMs)
      broken(45, `${name}: ${words} on a look that is ${world.now - looked} ms old`);
    active.add(run);
    for (const request of requests(scene))
      if (
        request.metadata.uid !== run &&
        active.has(request.metadata.uid ?? "") &&
        request.status?.ledger?.phase !== "Finished"
      )
        broken(46, `${run} and ${request.metadata.uid} run at once`);
    const own = requests(scene).find((request) => request.metadata.uid === run);
    if (own?.metadata.deletionTimestamp !== undefined && key.includes("_Undo"))
      broken(49, `${name}: ${words} cleans up after a deletion`);
  };
  world.listeners.push((event) => {
    if (event.kind === "command") onCommand(event);
  });

  /** What is sent to a node, whether or not its runner admits it. */
  const { exec } = scene.shell.pods;
  Object.assign(scene.shell.pods, {
    exec: (...args: Parameters<typeof exec>) => {
      const [pod, argv, stdin] = args;
      const [head = ""] = stdin.split("\n");
      if (argv[1] === "start" && head.includes("-immediate")) broken(38, `${pod.name}: ${head}`);
      if ([...argv, head].join(" ").includes(world.canary)) broken(47, `${pod.name}: a secret in ${head}`);
      return exec(...args);
    },
  });

  const watchJournal = ({ metadata }: KubeObject): void => {
    const pages = [...scene.objects.all()].filter(
      ([key]) => key.startsWith("configmaps/") && key.includes(`/${metadata.name}-journal-`),
    );
    const text = pages.map(([, page]) => String(page.data["journal.jsonl"])).join("");
    for (const host of world.hosts.values())
      for (const key of host.volume.markers.keys())
        if (key.startsWith(metadata.uid ?? "-") && !text.includes(`"${key}"`))
          broken(50, `${key} ran on ${host.name} and is not in the journal`);
  };

  return () => {
    for (const request of requests(scene)) watchJournal(request);
  };
}
