/** cctrl: always exit 0; banner, prompt echo and box width vary by seed, since no transcript proves them ([doc], tungsten-cli §2). */
import { emit, type Host, hostsOf, type Site, siteOf, type World } from "../model.ts";
import { tablesOf } from "../mysql.ts";
import { isLocal } from "../replicator.ts";
import { coordinatorOf } from "../site.ts";
import { ok, type Tool } from "./tool.ts";

export const cctrl: Tool = function* ({ world, host, args, stdin }) {
  const site = siteOf(world, host.site);
  const script = args[0] === "ls" ? "ls\n" : args[0] === "composite-ls" ? `use ${args[1]}\nls\n` : stdin;
  const coordinator = host.manager.running ? coordinatorOf(world, site) : undefined;
  const echo = world.variant % 2 === 1;
  const lines =
    world.variant % 3 === 0
      ? []
      : ["Continuent Tungsten 8.0.4 Build 132", `${site.dataservice}: session established`];
  if (coordinator === undefined || host.volume.installed.cluster === undefined)
    return ok(`${[...lines, noManager(world)].join("\n")}\nExiting...\n`);
  let composite = false;
  for (const command of script.split("\n").filter((line) => line !== "")) {
    const prompt = echo ? `[LOGICAL] /${site.dataservice} > ` : "";
    if (/^use /.test(command)) composite = command === `use ${world.composite.dataservice}`;
    else if (command === "ls")
      lines.push(prompt + (composite ? compositeLs(world, host) : clusterLs(world, site, coordinator)));
    else if (/^set policy /.test(command)) {
      yield 500;
      lines.push(prompt + setPolicy(world, site, command.replace("set policy ", "")));
    } else lines.push(`${prompt}Unknown command: ${command}`);
  }
  return ok(`${lines.join("\n")}\nExiting...\n`);
};

const noManager = (world: World): string =>
  [
    "Unable to connect to the manager on localhost:9997. Is it running?",
    "Cannot establish a connection with any manager: Connection refused",
    "TungstenManagerException: no manager is reachable",
  ][world.variant % 3] ?? "";

function setPolicy(world: World, site: Site, word: string): string {
  const policy = word.trim().toUpperCase();
  if (policy !== "AUTOMATIC" && policy !== "MAINTENANCE" && policy !== "MANUAL")
    return `Exception: invalid policy ${word}`;
  site.policy = policy;
  emit(world, { kind: "policy", site: site.name, policy });
  return `policy mode is now ${policy}`;
}

/** A row in a box; long rows wrap at words, the second part beginning at the first column. */
function rows(world: World, text: string): string[] {
  const width = world.variant % 2 === 0 ? 80 : 75;
  if (text.length <= width - 2) return [`|${text.padEnd(width)} |`];
  const at = text.lastIndexOf(" ", width - 2);
  return [`|${text.slice(0, at).padEnd(width)} |`, `|${text.slice(at + 1).padEnd(width)} |`];
}

const rule = (world: World): string => `+${"-".repeat(world.variant % 2 === 0 ? 81 : 76)}+`;

function clusterLs(world: World, site: Site, coordinator: Host): string {
  const hosts = hostsOf(world, site.name);
  const lines = [`COORDINATOR[${coordinator.name}:${site.policy}:ONLINE]`, "", "ROUTERS:", rule(world)];
  for (const host of hosts.filter((each) => each.up && each.connector.running))
    lines.push(
      ...rows(world, `connector@${host.name}[${6000 + host.ordinal}](ONLINE, created=12, active=1)`),
    );
  lines.push(rule(world), "", "DATASOURCES:");
  for (const host of hosts) lines.push(...datasource(world, site, host));
  return lines.join("\n");
}

function datasource(world: World, site: Site, host: Host): string[] {
  const role = site.primary === host.name ? "master" : "slave";
  const local = [...(host.replicators.cluster?.services.values() ?? [])].find((service) =>
    isLocal(service, host),
  );
  const seqno = tablesOf(host.mysql, `tungsten_${site.dataservice}`)?.commit?.seqno ?? -1;
  const fault = !host.up || !host.mysql.up;
  const state = site.shunned.has(host.name)
    ? `SHUNNED(FAILED-OVER-TO-${site.primary})`
    : fault
      ? `FAILED(DATASERVER '${host.name}@${site.dataservice}' STOPPED)`
      : "ONLINE";
  const latency = role === "master" ? "THL latency=0.421" : "latency=0.512";
  const replicator =
    local === undefined
      ? "STOPPED"
      : local.state === "OFFLINE:ERROR"
        ? "SUSPECT"
        : local.state.startsWith("OFFLINE")
          ? "OFFLINE"
          : local.state.startsWith("GOING")
            ? "SYNCHRONIZING"
            : "ONLINE";
  const roleText = role === "master" ? "role=master" : `role=slave, master=${site.primary}`;
  return [
    rule(world),
    ...rows(world, `${host.name}(${role}:${state}, progress=${seqno}, ${latency})`),
    ...rows(world, `STATUS [${fault ? "CRITICAL" : "OK"}] [2026/11/24 03:31:31 PM UTC]`),
    rule(world),
    ...rows(world, `  MANAGER(state=${host.up && host.manager.running ? "ONLINE" : "STOPPED"})`),
    ...rows(world, `  REPLICATOR(${roleText}, state=${replicator})`),
    ...rows(world, `  DATASERVER(state=${fault ? "STOPPED" : "ONLINE"})`),
    ...rows(world, "  CONNECTIONS(created=12, active=1)"),
    rule(world),
  ];
}

/** Composite sites are those whose coordinator's installation knows x_from_y services. */
function compositeLs(world: World, host: Host): string {
  const sites = [...world.sites.values()].map((site) => ({ site, coordinator: coordinatorOf(world, site) }));
  const own = coordinatorOf(world, siteOf(world, host.site));
  const lines = [`COORDINATOR[${own?.name}:${siteOf(world, host.site).policy}:ONLINE]`];
  for (const { site, coordinator } of sites)
    if (coordinator !== undefined)
      lines.push(`   ${site.dataservice}:COORDINATOR[${coordinator.name}:${site.policy}:ONLINE]`);
  lines.push("DATASOURCES:");
  for (const { site, coordinator } of sites) {
    const formed = hostsOf(world, site.name).every((each) =>
      each.volume.installed.cluster?.services.some(({ name }) => name.includes("_from_")),
    );
    if (!formed) continue;
    lines.push(
      rule(world),
      ...rows(
        world,
        `${site.dataservice}(composite master:${coordinator === undefined ? "UNKNOWN" : "ONLINE"}, global progress=1, max latency=0.489)`,
      ),
      rule(world),
    );
  }
  return lines.join("\n");
}
