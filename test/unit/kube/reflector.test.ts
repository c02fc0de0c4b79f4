/** The reflector against a server that ends, cuts, forgets, stalls and lies about its watches (F7 to F11). */
import type { ServerResponse } from "node:http";
import { afterEach, describe, expect, test } from "@jest/globals";
import { configMapKind } from "../../../src/kube/kinds.ts";
import {
  type Reflector,
  type ReflectorLimits,
  startReflector,
  type Watched,
} from "../../../src/kube/reflector.ts";
import { type ApiServer, type Asked, apiServer, json, status } from "./api-server.ts";
import { eventually } from "./hand-timers.ts";

const limits: ReflectorLimits = {
  watchSeconds: 400,
  silenceMs: 120_000,
  firstBackoffMs: 1_000,
  maxBackoffMs: 8_000,
};
const object = (name: string, version: number, uid = `uid-${name}`) => ({
  metadata: { name, namespace: "estate", uid, resourceVersion: String(version) },
});
const bookmark = (version: number) => ({ metadata: { resourceVersion: String(version) } });

type Stage = {
  readonly server: ApiServer;
  readonly reflector: Reflector;
  /** "+name@version" or "-name@version", as told. */
  readonly told: string[];
  readonly failures: string[];
  readonly relists: () => number;
  readonly lists: () => readonly Asked[];
  readonly watches: () => readonly Asked[];
  /** Sends an event on the newest watch. */
  readonly send: (type: string, object: object) => void;
  readonly raw: (text: string) => void;
  readonly endWatch: () => void;
  readonly cutWatch: () => void;
  /** Pauses pass, until it is in the n-th watch. */
  readonly inWatch: (n: number) => Promise<void>;
};
type Script = {
  /** What the n-th list answers, from 1. */
  readonly list?: (n: number, asked: Asked, response: ServerResponse) => void;
  /** True when it answered the n-th watch itself. */
  readonly watch?: (n: number, response: ServerResponse) => boolean;
  readonly watched?: Partial<Watched>;
  readonly failing?: () => boolean;
};

const stages: Stage[] = [];
afterEach(async () => {
  for (const { server, reflector } of stages.splice(0)) {
    await reflector.stop();
    await server.close();
  }
});

async function stage(script: Script = {}): Promise<Stage> {
  let lists = 0;
  const streams: ServerResponse[] = [];
  let watches = 0;
  const server = await apiServer(
    (asked, response) => {
      if (asked.query.get("watch") === "true") {
        watches += 1;
        if (script.watch?.(watches, response) === true) return;
        response.writeHead(200, { "content-type": "application/json" });
        response.flushHeaders();
        streams.push(response);
        return;
      }
      lists += 1;
      if (script.list === undefined)
        json(response, 200, { metadata: { resourceVersion: "10" }, items: [object("a", 5)] });
      else script.list(lists, asked, response);
    },
    { retries: 0 },
  );
  const told: string[] = [];
  const failures: string[] = [];
  let relists = 0;
  const reflector = startReflector(
    server.rest,
    {
      kind: configMapKind,
      namespace: "estate",
      onChange: (one, gone) => {
        told.push(`${gone ? "-" : "+"}${one.metadata.name}@${one.metadata.resourceVersion}`);
        if (script.failing?.()) throw new Error("the handler is broken");
      },
      ...script.watched,
    },
    limits,
    {
      failed: (error) => void failures.push((error as Error).message),
      relisted: () => {
        relists += 1;
      },
    },
    server.timers,
  );
  const of = (watch: boolean) =>
    server.asked.filter(({ query }) => (query.get("watch") === "true") === watch);
  const raw = (text: string) => void streams.at(-1)?.write(text);
  const made: Stage = {
    server,
    reflector,
    told,
    failures,
    relists: () => relists,
    lists: () => of(false),
    watches: () => of(true),
    raw,
    send: (type, one) => raw(`${JSON.stringify({ type, object: one })}\n`),
    endWatch: () => void streams.at(-1)?.end(),
    cutWatch: () => void streams.at(-1)?.destroy(),
    inWatch: async (n) => {
      // The clock moves only when what is on its way has had every chance to arrive.
      let turns = 0;
      await eventually(`watch ${n}`, () => {
        turns += 1;
        if (of(true).length < n && turns % 40 === 0) server.timers.advance(500);
        return of(true).length >= n;
      });
    },
  };
  stages.push(made);
  return made;
}

const hears = (made: Stage, last: string) => eventually(`${last} told`, () => made.told.at(-1) === last);

describe("what it keeps and tells", () => {
  test("lists page by page, then watches from there, with bookmarks and an end it asks for", async () => {
    const made = await stage({
      list: (_n, { query }, response) =>
        query.get("continue") === null
          ? json(response, 200, {
              metadata: { resourceVersion: "10", continue: "next" },
              items: [object("a", 5)],
            })
          : json(response, 200, { metadata: { resourceVersion: "10" }, items: [object("b", 6)] }),
      watched: { labelSelector: "x=y" },
    });
    expect(made.reflector.synced()).toBe(false);
    await made.inWatch(1);
    expect(made.reflector.synced()).toBe(true);
    expect(made.told).toEqual(["+a@5", "+b@6"]);
    expect(made.lists().map(({ query }) => query.get("limit"))).toEqual(["500", "500"]);
    const query = made.watches()[0]?.query;
    expect(Object.fromEntries(query ?? [])).toEqual({
      watch: "true",
      allowWatchBookmarks: "true",
      resourceVersion: "10",
      timeoutSeconds: "600",
      labelSelector: "x=y",
    });
    made.send("ADDED", object("c", 11));
    made.send("MODIFIED", object("a", 12));
    made.send("MODIFIED", object("a", 12));
    made.send("DELETED", object("b", 13));
    await hears(made, "-b@13");
    expect(made.told.slice(2)).toEqual(["+c@11", "+a@12", "-b@13"]);
    expect(made.reflector.list().map(({ kind, metadata }) => `${kind} ${metadata.name}`)).toEqual([
      "ConfigMap a",
      "ConfigMap c",
    ]);
    expect(made.reflector.get({ namespace: "estate", name: "a" })?.metadata.resourceVersion).toBe("12");
  });

  test("events cut in two by the network, and two in one piece", async () => {
    const made = await stage();
    await made.inWatch(1);
    const one = JSON.stringify({ type: "ADDED", object: object("é", 11) });
    made.raw(one.slice(0, 20));
    await new Promise<void>((resolve) => setImmediate(resolve));
    made.raw(`${one.slice(20)}\n${JSON.stringify({ type: "ADDED", object: object("f", 12) })}\n`);
    await hears(made, "+f@12");
    expect(made.told).toEqual(["+a@5", "+é@11", "+f@12"]);
  });

  test("an object that was deleted and made again is told as gone, then as new (F12)", async () => {
    const made = await stage();
    await made.inWatch(1);
    made.send("MODIFIED", object("a", 20, "another-uid"));
    await hears(made, "+a@20");
    expect(made.told).toEqual(["+a@5", "-a@5", "+a@20"]);
  });

  test("metadata alone is asked for, and kept, where it is enough: Secrets", async () => {
    const made = await stage({
      list: (_n, _asked, response) =>
        json(response, 200, {
          metadata: { resourceVersion: "10" },
          items: [{ ...object("a", 5), data: { password: "aHVudGVyMg==" } }],
        }),
      watched: { metadataOnly: true },
    });
    await made.inWatch(1);
    expect(made.lists()[0]?.headers.accept).toContain("as=PartialObjectMetadataList");
    expect(JSON.stringify(made.reflector.list())).not.toContain("aHVudGVyMg==");
  });

  test("a handler that throws is reported, and the next change is told all the same", async () => {
    const made = await stage({ failing: () => true });
    await made.inWatch(1);
    made.send("ADDED", object("b", 11));
    await hears(made, "+b@11");
    expect(made.failures).toEqual(["the handler is broken", "the handler is broken"]);
    expect(made.lists().length).toBe(1);
  });
});

describe("a watch that ends", () => {
  test("in peace, after long: it goes on from the last bookmark at once, without a list", async () => {
    const made = await stage();
    await made.inWatch(1);
    made.send("BOOKMARK", bookmark(77));
    made.send("ADDED", object("b", 70));
    await hears(made, "+b@70");
    made.send("BOOKMARK", bookmark(80));
    made.server.timers.advance(5_000);
    await new Promise<void>((resolve) => setImmediate(resolve));
    made.endWatch();
    await eventually("the next watch", () => made.watches().length === 2);
    expect(made.watches()[1]?.query.get("resourceVersion")).toBe("80");
    expect(made.lists().length).toBe(1);
  });

  test("at once, again and again: it is not asked without pause", async () => {
    const made = await stage({
      watch: (_n, response) => {
        response.writeHead(200);
        response.end();
        return true;
      },
    });
    const began = made.server.timers.now();
    await made.inWatch(6);
    expect(made.server.timers.now() - began).toBeGreaterThan(7_000);
  });

  test("cut: it goes on from where it was, after a pause that doubles up to its limit", async () => {
    const made = await stage({
      watch: (n, response) => {
        if (n === 1) return false;
        response.destroy();
        return true;
      },
    });
    await made.inWatch(1);
    made.send("ADDED", object("b", 42));
    await hears(made, "+b@42");
    made.cutWatch();
    const pauses: number[] = [];
    for (let n = 2; n <= 7; n += 1) {
      const from = made.server.timers.now();
      await made.inWatch(n);
      pauses.push(made.server.timers.now() - from);
      expect(made.watches()[n - 1]?.query.get("resourceVersion")).toBe("42");
    }
    // The test's clock may run on a little while an answer is still on its way.
    for (const [index, least] of [1000, 2000, 4000, 8000, 8000, 8000].entries()) {
      expect(pauses[index]).toBeGreaterThanOrEqual(least);
      expect(pauses[index]).toBeLessThan(least + 2000);
    }
    expect(made.failures.length).toBeGreaterThan(4);
  });

  test.each<[string, (made: Stage) => void]>([
    [
      "410 in the stream",
      (made) =>
        made.send("ERROR", {
          kind: "Status",
          code: 410,
          reason: "Expired",
          message: "too old",
          metadata: {},
        }),
    ],
    [
      "another error in the stream",
      (made) => made.send("ERROR", { kind: "Status", code: 500, message: "etcd", metadata: {} }),
    ],
    ["a line that is no event", (made) => made.raw("<html>\n")],
    ["an event without metadata", (made) => made.send("ADDED", { hello: 1 })],
  ])("%s: nothing after it is known to be complete, so it lists again (F7, F10)", async (_what, breaks) => {
    const made = await stage({
      list: (n, _asked, response) =>
        json(response, 200, {
          metadata: { resourceVersion: String(n * 10) },
          items: n === 1 ? [object("a", 5), object("b", 6)] : [object("b", 6), object("c", 15)],
        }),
    });
    await made.inWatch(1);
    breaks(made);
    await made.inWatch(2);
    expect(made.lists().length).toBe(2);
    // What went while nobody watched is told with its last state; what did not change is not told again.
    expect(made.told).toEqual(["+a@5", "+b@6", "+c@15", "-a@5"]);
    expect(made.watches()[1]?.query.get("resourceVersion")).toBe("20");
  });

  test("410 as the answer to a watch: it lists again", async () => {
    const made = await stage({
      watch: (n, response) => {
        if (n > 1) return false;
        json(response, 410, status("Expired", "too old resource version"));
        return true;
      },
    });
    await made.inWatch(2);
    expect(made.relists()).toBe(2);
    expect(made.failures).toEqual([]);
  });

  test("without a word for too long (F9): it is taken for dead", async () => {
    const made = await stage();
    await made.inWatch(1);
    made.server.timers.advance(100_000);
    made.send("BOOKMARK", bookmark(30));
    await eventually("a bookmark heard", () => made.reflector.stalenessMs() === 0);
    made.server.timers.advance(100_000);
    await new Promise<void>((resolve) => setImmediate(resolve));
    expect(made.watches().length).toBe(1);
    expect(made.reflector.stalenessMs()).toBe(100_000);
    made.server.timers.advance(20_000);
    await made.inWatch(2);
    expect(made.failures).toEqual(["watch of configmaps: silent for 120000 ms"]);
    expect(made.watches()[1]?.query.get("resourceVersion")).toBe("30");
  });
});

describe("a list that fails or lies", () => {
  test("one that fails is tried again until it succeeds; before that nothing is in step", async () => {
    const made = await stage({
      list: (n, _asked, response) =>
        n < 4
          ? json(response, 500, status("InternalError", "etcd"))
          : json(response, 200, { metadata: { resourceVersion: "10" }, items: [] }),
    });
    await eventually("a failure", () => made.failures.length === 1);
    expect(made.reflector.synced()).toBe(false);
    await made.inWatch(1);
    expect(made.reflector.synced()).toBe(true);
    expect(made.lists().length).toBe(4);
  });

  test("one older than what was seen is refused, so that nothing goes back in time (F8); a restored server wins in the end", async () => {
    const made = await stage({
      list: (n, _asked, response) =>
        json(response, 200, {
          metadata: { resourceVersion: n === 1 ? "100" : "50" },
          items: [object("a", n === 1 ? 90 : 40)],
        }),
    });
    await made.inWatch(1);
    made.send("ERROR", { kind: "Status", code: 410, message: "too old", metadata: {} });
    await made.inWatch(2);
    expect(made.failures.filter((text) => text.includes("version 50, older than 100"))).toHaveLength(5);
    expect(made.lists().length).toBe(7);
    expect(made.told).toEqual(["+a@90", "+a@40"]);
  });
});

describe("stopped", () => {
  test("in a watch: final, nothing is told after", async () => {
    const made = await stage();
    await made.inWatch(1);
    const stopping = made.reflector.stop();
    made.send("ADDED", object("late", 99));
    await stopping;
    expect(made.told).toEqual(["+a@5"]);
  });

  test("while a list is on its way: no watch is opened", async () => {
    let answer: () => void = () => {};
    const made = await stage({
      list: (_n, _asked, response) => {
        answer = () => json(response, 200, { metadata: { resourceVersion: "10" }, items: [object("a", 5)] });
      },
    });
    await eventually("a list", () => made.lists().length === 1);
    const stopping = made.reflector.stop();
    answer();
    await stopping;
    expect(made.watches()).toEqual([]);
    expect(made.told).toEqual([]);
  });

  test("in a pause: at once", async () => {
    const made = await stage({ list: (_n, _asked, response) => json(response, 500, {}) });
    await eventually("a failure", () => made.failures.length === 1);
    await made.reflector.stop();
    expect(made.lists().length).toBe(1);
  });
});
