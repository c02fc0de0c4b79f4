/**
 * What was observed of the real replicator and is no lie: the straight path, what repairs what, timings. Each test names
 * the section of tungsten-observed (o) or tungsten-observed-conversion (c) it holds the simulator to.
 */
import { describe, expect, test } from "@jest/globals";
import { strike } from "../../simulator/faults.ts";
import {
  breakFeed,
  dumpOf,
  feed,
  insertPositionAtSource,
  laggard,
  newEpoch,
  schema,
  stopAtHeartbeat,
  stopReaders,
} from "../../simulator/lies/recipes.ts";
import { missingAt, newStage, quiesce, type Stage } from "../../simulator/lies/stage.ts";
import { routeWrite } from "../../simulator/site.ts";

const readers = ["london-0", "london-1"];
const doubledAt = (s: Stage, host: string): number =>
  [...s.host(host).mysql.rows.values()].filter((count) => count > 1).length;
const wholeEverywhere = (s: Stage): void => {
  quiesce(s, 10);
  for (const host of s.world.hosts.keys())
    expect([host, missingAt(s, host, "nyc"), missingAt(s, host, "london"), doubledAt(s, host)]).toEqual([
      host,
      0,
      0,
      0,
    ]);
};
const stateOf = (s: Stage, host: string): string => s.service(host, feed).state;
const seqnoOf = (s: Stage, host: string): number => s.commit(host, schema)?.seqno ?? -1;
const site = (s: Stage, name: string) => {
  const found = s.world.sites.get(name);
  if (found === undefined) throw new Error(`no site ${name}`);
  return found;
};

/** Arm, heartbeat, dump, uninstall, reload unlogged, install, start: the straight path on both nodes of london. */
function convertReaders(s: Stage): number {
  stopAtHeartbeat(s, "stop_1");
  const stop = seqnoOf(s, "london-0");
  for (const host of readers) {
    s.cross(host, "replicator stop");
    const dump = dumpOf(s, host);
    s.cross(host, "tpm uninstall --i-am-sure");
    s.cross(host, "mysql --init-command='SET SESSION sql_log_bin=0'", dump);
    s.cross(host, "tpm install");
  }
  for (const host of readers) {
    s.cross(host, "replicator start");
    s.wait(10);
  }
  return stop;
}

describe("the straight path", () => {
  test("nothing lost, nothing double; the new log begins at the stop plus one (c §1)", () => {
    const s = newStage();
    stopAtHeartbeat(s, "stop_0");
    const stops = readers.map((host) => s.commit(host, schema));
    expect(stops[0]).toEqual(stops[1]);
    for (const host of readers) s.cross(host, "trepctl -service nyc online");
    s.wait(10);
    const stop = convertReaders(s);
    const [first] = s.host("london-0").volume.thl.get("crossSite/nyc") ?? [];
    expect(first?.seqno).toBe(stop + 1);
    expect(readers.map((host) => stateOf(s, host))).toEqual(["ONLINE", "ONLINE"]);
    wholeEverywhere(s);
  });

  test("a source that only restarted gives no epoch error (c §3)", () => {
    const s = newStage();
    stopAtHeartbeat(s, "stop_1");
    newEpoch(s);
    s.cross("london-0", "trepctl -service nyc online");
    s.cross("london-1", "trepctl -service nyc online -force");
    s.wait(10);
    wholeEverywhere(s);
  });

  test("what comes from another site is not in the binary log of this one (c §5)", () => {
    const s = newStage({ rate: 2 });
    site(s, "london").client.rate = 0;
    s.wait(2);
    const { position } = s.host("london-0").mysql;
    s.wait(20);
    expect(s.host("london-0").mysql.position).toBe(position);
    expect(missingAt(s, "london-0", "nyc")).toBeLessThan(4);
  });

  test("an uninstall leaves the INI, the kept files and the primary's read_only alone (c §2)", () => {
    const s = newStage();
    const { ini } = s.host("london-0").volume;
    s.host("london-0").volume.kept.set("dump", "text");
    s.cross("london-0", "tpm uninstall --i-am-sure");
    expect(s.host("london-0").volume.ini).toBe(ini);
    expect([...s.host("london-0").volume.kept.keys()]).toEqual(["dump"]);
    expect(s.host("london-0").mysql.readOnly).toBe(false);
    expect(s.cross("london-0", "tpm install").code).toBe(0);
  });
});

describe("what repairs what", () => {
  test("online -until-heartbeat stops at a heartbeat of the past, exactly (c §4b)", () => {
    const s = newStage();
    breakFeed(s, "london-0");
    s.cross("london-0", "trepctl -service nyc offline-deferred -at-heartbeat stop_1");
    s.cross("london-1", "trepctl -service nyc offline-deferred -at-heartbeat stop_1");
    s.cluster("nyc-0", "trepctl heartbeat -name stop_1");
    s.wait(30);
    expect(seqnoOf(s, "london-0")).toBeLessThan(seqnoOf(s, "london-1"));
    s.cross("london-0", "trepctl -service nyc online -until-heartbeat stop_1");
    s.wait(20);
    expect(stateOf(s, "london-0")).toBe("OFFLINE:NORMAL");
    expect(s.commit("london-0", schema)).toEqual(s.commit("london-1", schema));
  });

  test("logs rebuilt with the same events: plain online refused, force loses nothing (c §3)", () => {
    const s = newStage();
    stopReaders(s);
    strike(s.world, "logs-rebuilt", "nyc-0");
    s.cross("london-0", "trepctl -service nyc online");
    s.wait(30);
    expect(s.status("london-0", feed)?.pendingExceptionMessage).toMatch(/epoch numbers do not match/);
    for (const host of readers) s.cross(host, "trepctl -service nyc online -force");
    s.wait(20);
    wholeEverywhere(s);
  });

  test("a peer relay that begins too late is got round by setrole, where force does not help (c §4c)", () => {
    const s = newStage();
    laggard(s);
    s.cross("london-1", "trepctl -service nyc online -force");
    s.wait(30);
    expect(s.status("london-1", feed)?.pendingExceptionMessage).toMatch(/master source ID=london-0/);
    s.cross("london-1", "trepctl -service nyc offline");
    s.cross("london-1", "trepctl -service nyc setrole -role slave -uri thl://nyc-0:2112/,thl://nyc-1:2112/");
    s.cross("london-1", "trepctl -service nyc online");
    s.wait(20);
    wholeEverywhere(s);
  });

  test("a position set at a source's primary is left out by -skip-seqno, and nothing is lost (c §3)", () => {
    const s = newStage();
    insertPositionAtSource(s);
    s.wait(120);
    const skip = (host: string, service: { error: { seqno: number } | null }, run: Stage["cross"]) => {
      run(host, `trepctl -service nyc online -skip-seqno ${service.error?.seqno}`);
      s.wait(10);
    };
    skip("nyc-1", s.service("nyc-1", feed, "cluster"), s.cluster);
    for (const host of readers) skip(host, s.service(host, feed), s.cross);
    s.wait(30);
    wholeEverywhere(s);
  });

  test("an uninstall killed half way, or failed without MySQL, goes through when run again (c §2)", () => {
    const s = newStage();
    s.begin("london-0", "tpm uninstall --i-am-sure");
    s.wait(4);
    strike(s.world, "kill-tools", "london-0");
    expect(s.host("london-0").volume.installed.crossSite).toBeDefined();
    expect(s.cross("london-0", "tpm uninstall --i-am-sure").code).toBe(0);
    strike(s.world, "mysql-down", "london-1");
    expect(s.cross("london-1", "tpm uninstall --i-am-sure").code).toBe(1);
    strike(s.world, "mysql-up", "london-1");
    expect(s.cross("london-1", "tpm uninstall --i-am-sure").code).toBe(0);
    expect(readers.map((host) => s.host(host).replicators.crossSite)).toEqual([undefined, undefined]);
  });
});

describe("clocks and counts", () => {
  test("two automatic tries five seconds apart, then it stays in error; local services try none (o §5, c §3)", () => {
    const s = newStage();
    const tries: number[] = [];
    s.world.listeners.push((event) => {
      if (event.kind === "state" && event.host === "london-0" && event.to.startsWith("GOING"))
        tries.push(s.world.now);
    });
    stopReaders(s);
    strike(s.world, "logs-rebuilt", "nyc-0");
    const from = s.world.now;
    s.cross("london-0", "trepctl -service nyc online");
    s.wait(120);
    expect(tries.length).toBe(3);
    expect(tries.slice(1).every((at, index) => at - (tries[index] ?? from) < 8000)).toBe(true);
    expect(s.status("london-0", feed)).toMatchObject({ autoRecoveryTotal: "2", transitioningTo: "" });
    strike(s.world, "mysql-down", "nyc-1");
    s.wait(2);
    strike(s.world, "mysql-up", "nyc-1");
    s.wait(60);
    expect(s.status("nyc-1", feed, "cluster")).toMatchObject({
      state: "OFFLINE:ERROR",
      autoRecoveryTotal: "0",
    });
  });

  test("under AUTOMATIC a failover comes 20 to 30 seconds after the fault, under MAINTENANCE none", () => {
    const moved = (policy: "AUTOMATIC" | "MAINTENANCE"): number | undefined => {
      const s = newStage({ policy });
      let at: number | undefined;
      s.world.listeners.push((event) => {
        if (event.kind === "primary") at ??= s.world.now - from;
      });
      const from = s.world.now;
      strike(s.world, "mysql-down", "nyc-0");
      s.wait(120);
      return at;
    };
    expect(moved("MAINTENANCE")).toBeUndefined();
    expect(moved("AUTOMATIC")).toBeGreaterThanOrEqual(20_000);
    expect(moved("AUTOMATIC")).toBeLessThanOrEqual(30_000);
  });

  test("connectors that lost their managers hold new connections, then refuse them", () => {
    const s = newStage();
    for (const host of ["nyc-0", "nyc-1"]) s.cluster(host, "manager stop");
    const routes = [routeWrite(s.world, site(s, "nyc"))];
    s.wait(60);
    routes.push(routeWrite(s.world, site(s, "nyc")));
    expect(routes).toEqual(["held", "refused"]);
  });

  test("a lagging node stands behind and is ONLINE; it catches up when the lag goes (T7)", () => {
    const s = newStage();
    strike(s.world, "lagging", "london-1");
    s.wait(120);
    expect(stateOf(s, "london-1")).toBe("ONLINE");
    expect(seqnoOf(s, "london-0") - seqnoOf(s, "london-1")).toBeGreaterThan(200);
    s.host("london-1").lagMs = 0;
    s.wait(5);
    wholeEverywhere(s);
  });

  test("a source whose log was cut short refuses who stands before it, forced or not (T4)", () => {
    const s = newStage();
    stopReaders(s);
    s.wait(30);
    strike(s.world, "logs-purged", "nyc-0");
    for (const how of ["", " -force"]) {
      s.cross("london-0", `trepctl -service nyc online${how}`);
      s.wait(30);
      expect(s.status("london-0", feed)?.pendingExceptionMessage).toMatch(
        /does not contain requested transaction/,
      );
    }
  });
});
