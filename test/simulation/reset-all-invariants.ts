/** The invariants of a reset of all sites by their number: quiet and equal before the first reset, nobody online beside it. */
import type { WorldEvent } from "../../simulator/model.ts";
import { tablesOf } from "../../simulator/mysql.ts";
import { judge } from "../../simulator/oracle.ts";
import type { Watch } from "./invariants.ts";
import { watchEngine } from "./run-invariants.ts";
import type { Scene } from "./scene.ts";

export function watchResetAll(scene: Scene, goingBack: () => boolean = () => false): Watch {
  const { world } = scene;
  const violations: { n: number; what: string }[] = [];
  const commands: string[] = [];
  const broken = (n: number, what: string): void => {
    if (violations.length < 50) violations.push({ n, what });
  };
  const engine = watchEngine(scene, broken);
  const hosts = [...world.hosts.values()];
  const sites = [...world.sites.values()];
  const policyBefore = new Map([...world.sites].map(([name, site]) => [name, site.policy]));
  const services = world.sites.size * hosts.length;
  let reset = 0;
  let lastWrite = world.now;

  const beforeFirst = (words: string): void => {
    for (const { dataservice, name } of sites) {
      const rows = new Set(
        hosts.map(({ mysql }) => tablesOf(mysql, `tungsten_${dataservice}`)?.commit?.seqno),
      );
      if (rows.size > 1) broken(32, `${words} while nodes stand at ${[...rows].join(", ")} of ${name}`);
    }
    if (world.now - lastWrite < 5_000)
      broken(32, `${words} ${world.now - lastWrite} ms after a client's write`);
  };

  const onCommand = ({ host, key, argv }: Extract<WorldEvent, { kind: "command" }>): void => {
    const words = argv.join(" ");
    if (commands.includes(key)) broken(44, `${key} was begun twice`);
    commands.push(key);
    if (!words.includes(" reset -all")) return;
    const policy = world.sites.get(world.hosts.get(host)?.site ?? "")?.policy;
    if (policy !== "MAINTENANCE") broken(33, `${host}: ${words} under ${policy}`);
    if (reset === 0) beforeFirst(`${host}: ${words}`);
    reset += 1;
    const online = hosts.find(({ replicators }) =>
      Object.values(replicators).some((each) =>
        [...each.services.values()].some(({ state }) => state === "ONLINE"),
      ),
    );
    if (online !== undefined) broken(32, `${host}: ${words} while ${online.name} has a service ONLINE`);
  };

  world.listeners.push((event) => {
    if (event.kind === "command") onCommand(event);
    if (event.kind === "log" && event.entry.kind === "row") lastWrite = world.now;
    if (event.kind === "state" && event.to === "ONLINE" && reset > 0 && reset < services && !goingBack())
      broken(32, `${event.service} of ${event.host} goes ONLINE after ${reset} of ${services} resets`);
    if (event.kind === "policy" && event.policy === "AUTOMATIC" && !goingBack()) {
      const off = hosts.find(({ replicators }) =>
        Object.values(replicators).some((each) =>
          [...each.services.values()].some(
            ({ state, since }) => state !== "ONLINE" && world.now - since > 3000,
          ),
        ),
      );
      if (off !== undefined)
        broken(34, `${event.site} returned to AUTOMATIC while ${off.name} is not online`);
    }
  });

  const end = (interruption: number): void => {
    engine();
    const { missing, doubled, outOfOrder } = judge(world);
    if (missing.length > 0) broken(1, `missing: ${missing.slice(0, 3).join(", ")}`);
    if (doubled.length > 0 || outOfOrder > 0)
      broken(2, `doubled: ${doubled.slice(0, 3).join(", ")}, ${outOfOrder}`);
    if (new Set(hosts.map(({ mysql }) => [...mysql.rows.keys()].sort().join())).size > 1)
      broken(4, "nodes hold different rows");
    for (const host of hosts) {
      const all = Object.values(host.replicators).flatMap((each) => [...each.services.values()]);
      if (all.length !== world.sites.size || all.some(({ state }) => state !== "ONLINE"))
        broken(39, `${host.name}: ${all.map(({ name, state }) => `${name} ${state}`).join(", ")}`);
      if (host.connector.closed === true || !host.manager.running || host.volume.holds.size > 0)
        broken(40, `${host.name} is not in service`);
    }
    for (const [name, { policy, client }] of world.sites) {
      if (policy !== policyBefore.get(name)) broken(40, `${name} has policy ${policy}`);
      if (client.longestGap > interruption * 1000)
        broken(36, `${name}'s clients waited ${client.longestGap} ms`);
    }
  };
  return { violations, commands, end };
}
