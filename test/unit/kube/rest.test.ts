/** The REST client against a server that is busy, slow, cut, lying or full of secrets; and what is built on it. */
import { afterEach, describe, expect, test } from "@jest/globals";
import { pino } from "pino";
import type { KubeObject } from "../../../src/controllers/shell.ts";
import { ApiError, isAlreadyExists, isConflict } from "../../../src/kube/errors.ts";
import { eventsOver } from "../../../src/kube/events.ts";
import { configMapKind, eventKind, requestKind } from "../../../src/kube/kinds.ts";
import { objectsOver } from "../../../src/kube/objects.ts";
import type { Call } from "../../../src/kube/rest.ts";
import { memoryObjects } from "../../simulation/memory-objects.ts";
import { type Answer, type ApiServer, apiServer, json, status } from "./api-server.ts";
import { eventually } from "./hand-timers.ts";

const open: ApiServer[] = [];
afterEach(async () => {
  for (const each of open.splice(0)) await each.close();
});
async function serve(answer: Answer, more = {}): Promise<ApiServer> {
  const server = await apiServer(answer, more);
  open.push(server);
  return server;
}

const get: Call = { method: "GET", path: "/api/v1/pods", resource: "pods" };
const write = (method: "POST" | "PUT" | "PATCH" | "DELETE"): Call => ({ ...get, method, body: { a: 1 } });
const fault = async (sent: Promise<unknown>): Promise<ApiError> => {
  try {
    await sent;
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
  throw new Error("it was answered");
};
/** Lets waits pass until the call has come to its end. */
async function patiently<T>(server: ApiServer, sent: Promise<T>): Promise<T> {
  let ended = false;
  const watched = sent.finally(() => {
    ended = true;
  });
  watched.catch(() => undefined);
  await eventually("an end", () => {
    if (!ended && server.timers.pending() > 0) server.timers.advance(100);
    return ended;
  });
  return watched;
}

describe("one call", () => {
  test("carries credentials, speaks JSON, and passes unknown fields through untouched", async () => {
    const server = await serve((asked, response) => json(response, 200, JSON.parse(asked.body)));
    const body = { kind: "Pod", spec: { fieldOfANewerServer: [1, { deep: true }] } };
    expect(await server.rest.send({ ...get, method: "POST", body })).toEqual(body);
    expect(server.asked[0]?.headers).toMatchObject({
      authorization: "Bearer word",
      "content-type": "application/json",
      "user-agent": "tungsten-operator",
    });
    expect(server.observed).toEqual([["POST", "pods", 200]]);
  });

  test("fifty calls one after the other do not open fifty connections", async () => {
    const server = await serve((_asked, response) => json(response, 200, {}));
    for (let n = 0; n < 50; n += 1) await server.rest.send(get);
    expect(new Set(server.asked.map(({ connection }) => connection)).size).toBeLessThan(4);
  });

  test("an error is the server's reason and sentence, and never the body: it may hold a secret", async () => {
    const server = await serve((_asked, response) =>
      json(response, 422, {
        ...status("Invalid", "spec.nodes: must be at least 1"),
        details: { password: "hunter2" },
      }),
    );
    const error = await fault(server.rest.send(write("POST")));
    expect(error).toMatchObject({
      status: 422,
      reason: "Invalid",
      message: "POST pods: spec.nodes: must be at least 1",
    });
    expect(JSON.stringify({ ...error, message: error.message })).not.toContain("hunter2");
  });

  test.each([
    ["a proxy's page", "<html>hunter2", 400, /^GET pods: HTTP 400$/],
    ["an answer that is no JSON", "hunter2{", 200, /^GET pods: the answer is no JSON$/],
  ])("%s is not quoted", async (_what, text, code, says) => {
    const server = await serve((_asked, response) => {
      response.writeHead(code);
      response.end(text);
    });
    expect((await fault(server.rest.send(get))).message).toMatch(says);
  });

  test("no answer in time ends the attempt, and the write may have happened", async () => {
    const server = await serve(() => {});
    const sent = server.rest.send(write("PUT"));
    await eventually("a request", () => server.asked.length === 1);
    server.timers.advance(30_000);
    expect(await fault(sent)).toMatchObject({ status: 0, reason: "Timeout" });
    expect(server.asked.length).toBe(1);
  });

  test("a caller who gives up is heard at once, also while it waits for its turn", async () => {
    const server = await serve(
      (_asked, response) => json(response, 429, status("TooManyRequests", "later")),
      {},
    );
    const ending = new AbortController();
    const sent = server.rest.send({ ...get, signal: ending.signal });
    await eventually("a refusal", () => server.observed.length === 1);
    ending.abort();
    await fault(sent);
    expect(server.asked.length).toBe(1);
  });
});

describe("again, or not", () => {
  const cut: Answer = (_asked, response) => void response.destroy();
  const busy =
    (code: number, headers = {}): Answer =>
    (_asked, response) =>
      json(response, code, status("Busy", "storage is (re)initializing"), headers);

  test.each<[string, Answer, Call["method"], number]>([
    ["429: nothing was done, so anything is sent again", busy(429), "POST", 4],
    ["429 of a PUT", busy(429), "PUT", 4],
    ["503 of a GET", busy(503), "GET", 4],
    ["503 of a POST may have been done: never again", busy(503), "POST", 1],
    ["a cut GET", cut, "GET", 4],
    ["a cut DELETE", cut, "DELETE", 4],
    ["a cut POST may have been done", cut, "POST", 1],
    ["a cut PUT may have been done: a second would only say Conflict", cut, "PUT", 1],
    ["a cut PATCH may have been done", cut, "PATCH", 1],
    ["409 is an answer", busy(409), "PUT", 1],
    ["500 is an answer", busy(500), "GET", 1],
  ])("%s", async (_what, answer, method, times) => {
    const server = await serve(answer);
    const call = method === "GET" ? get : write(method);
    await fault(patiently(server, server.rest.send(call)));
    expect(server.asked.length).toBe(times);
  });

  test("never earlier than the server asks, and with success it was worth it", async () => {
    const server = await serve((_asked, response) => {
      if (server.asked.length === 1) busy(429, { "retry-after": "7" })(_asked, response);
      else json(response, 200, { kind: "PodList" });
    });
    const sent = server.rest.send(get);
    await eventually("a refusal", () => server.observed.length === 1);
    await eventually("a pause", () => server.timers.pending() === 1);
    server.timers.advance(6_999);
    await new Promise<void>((resolve) => setImmediate(resolve));
    expect(server.asked.length).toBe(1);
    server.timers.advance(2_000);
    expect(await sent).toEqual({ kind: "PodList" });
  });

  test("no more than asked for a second: a burst, then the pace", async () => {
    const server = await serve((_asked, response) => json(response, 200, {}), { burst: 5, perSecond: 10 });
    const all = Array.from({ length: 8 }, () => server.rest.send(get));
    await eventually("the burst", () => server.observed.length === 5);
    await new Promise<void>((resolve) => setImmediate(resolve));
    expect(server.asked.length).toBe(5);
    server.timers.advance(100);
    await eventually("one more", () => server.observed.length === 6);
    expect(server.asked.length).toBe(6);
    server.timers.advance(200);
    await Promise.all(all);
  });
});

describe("objects", () => {
  const ref = { namespace: "estate", name: "to-caa" };
  const request = (resourceVersion?: string): KubeObject => ({
    apiVersion: "tungsten-operator.io/v1alpha1",
    kind: "UpgradeRequest",
    metadata: { ...ref, ...(resourceVersion !== undefined && { resourceVersion }) },
    status: {},
  });

  test("404 of get is nothing there; of remove it is success; of anything else an error", async () => {
    const server = await serve((_asked, response) => json(response, 404, status("NotFound", "not found")));
    const objects = objectsOver(server.rest);
    expect(await objects.get(requestKind, ref)).toBeUndefined();
    await objects.remove(requestKind, ref, "uid-1");
    expect(server.asked.at(-1)?.body).toBe('{"preconditions":{"uid":"uid-1"}}');
    await fault(objects.replace(requestKind, request("1")));
  });

  test("a PUT without resourceVersion is not sent: it would overwrite whatever is there", async () => {
    const server = await serve((_asked, response) => json(response, 200, {}));
    const objects = objectsOver(server.rest);
    await fault(objects.replaceStatus(requestKind, request()));
    await fault(objects.replace(requestKind, request("")));
    expect(server.asked).toEqual([]);
  });

  test("a status too large for etcd is refused here, where it can be said (F17)", async () => {
    const server = await serve((_asked, response) => json(response, 200, {}));
    const large = { ...request("1"), status: { ledger: "x".repeat(1_100_000) } };
    expect(await fault(objectsOver(server.rest).replaceStatus(requestKind, large))).toMatchObject({
      status: 413,
      reason: "StatusTooLarge",
    });
    expect(server.asked).toEqual([]);
  });

  test("a stale version and a name that is taken are told apart", async () => {
    const reasons = ["Conflict", "AlreadyExists"];
    const server = await serve((_asked, response) => json(response, 409, status(reasons.shift() ?? "", "")));
    const objects = objectsOver(server.rest);
    const stale = await fault(objects.replaceStatus(requestKind, request("1")));
    const taken = await fault(objects.create(requestKind, request()));
    expect([isConflict(stale), isAlreadyExists(stale)]).toEqual([true, false]);
    expect([isConflict(taken), isAlreadyExists(taken)]).toEqual([false, true]);
  });

  test("paths, verbs and content types", async () => {
    const server = await serve((_asked, response) => json(response, 200, {}));
    const objects = objectsOver(server.rest);
    await objects.replaceStatus(requestKind, request("1"));
    await objects.apply(configMapKind, { ...request(), kind: "ConfigMap" });
    await objects.patch(requestKind, ref, { metadata: {} });
    expect(
      server.asked.map(({ method, path, query, headers }) => [
        method,
        path,
        `${query}`,
        headers["content-type"],
      ]),
    ).toEqual([
      [
        "PUT",
        "/apis/tungsten-operator.io/v1alpha1/namespaces/estate/upgraderequests/to-caa/status",
        "",
        "application/json",
      ],
      [
        "PATCH",
        "/api/v1/namespaces/estate/configmaps/to-caa",
        "fieldManager=tungsten-operator&force=true",
        "application/apply-patch+yaml",
      ],
      [
        "PATCH",
        "/apis/tungsten-operator.io/v1alpha1/namespaces/estate/upgraderequests/to-caa",
        "",
        "application/merge-patch+json",
      ],
    ]);
  });

  test("a list is read page by page; one whose snapshot was compacted away is read once more from the first", async () => {
    let compacted = true;
    const server = await serve(({ query }, response) => {
      const page = query.get("continue");
      if (page === null)
        return json(response, 200, { metadata: { continue: "two" }, items: [{ metadata: { name: "a" } }] });
      if (compacted) {
        compacted = false;
        return json(response, 410, status("Expired", "too old"));
      }
      return json(response, 200, { metadata: {}, items: [{ metadata: { name: "b" } }] });
    });
    const found = await objectsOver(server.rest).list(configMapKind, "estate", "a=b");
    expect(found.map(({ kind, metadata }) => [kind, metadata.name])).toEqual([
      ["ConfigMap", "a"],
      ["ConfigMap", "b"],
    ]);
    expect(server.asked.length).toBe(4);
    expect(server.asked.every(({ query }) => query.get("labelSelector") === "a=b")).toBe(true);
  });

  test("an answer that is no list does not pass for an empty one", async () => {
    const server = await serve((_asked, response) => json(response, 200, { kind: "Status" }));
    expect(await fault(objectsOver(server.rest).list(configMapKind, "estate"))).toMatchObject({
      reason: "Unreadable",
    });
  });
});

describe("events", () => {
  const about = {
    apiVersion: "v1",
    kind: "UpgradeRequest",
    metadata: { name: "r", namespace: "estate", uid: "u" },
  };

  test("the same words again count up in one object; when it has expired it is made anew; failures stay here", async () => {
    const stored = new Set<string>();
    const server = await serve(({ method, path, body }, response) => {
      const name =
        method === "POST" ? String(JSON.parse(body).metadata.name) : (path.split("/").at(-1) ?? "");
      if (body.includes("refused")) return json(response, 403, status("Forbidden", "no"));
      if (method === "POST") stored.add(name);
      return stored.has(name) ? json(response, 200, {}) : json(response, 404, status("NotFound", ""));
    });
    const events = eventsOver(objectsOver(server.rest), pino({ level: "silent" }), "operator-1");
    const sent = (count: number) => eventually(`${count} requests`, () => server.observed.length === count);
    events.emit(about, "Normal", "Begun", "it begins");
    events.emit(about, "Normal", "Begun", "it begins");
    events.emit(about, "Warning", "Begun", "refused");
    events.emit(about, "Normal", "Ended", "it ends");
    await sent(4);
    const said = server.asked.map(({ method, body }) => [method, JSON.parse(body)]);
    expect(said.map(([method, body]) => [method, body.note ?? body.series?.count])).toEqual([
      ["POST", "it begins"],
      ["PATCH", 2],
      ["POST", "refused"],
      ["POST", "it ends"],
    ]);
    expect(said[0]?.[1]).toMatchObject({
      kind: "Event",
      type: "Normal",
      reason: "Begun",
      regarding: { kind: "UpgradeRequest", name: "r", uid: "u" },
      reportingInstance: "operator-1",
      eventTime: expect.stringMatching(/\.\d{6}Z$/),
    });
    expect(server.asked[0]?.path).toBe(`/apis/${eventKind.group}/v1/namespaces/estate/events`);
    stored.clear();
    events.emit(about, "Normal", "Ended", "it ends");
    await sent(6);
    expect(server.asked.slice(4).map(({ method }) => method)).toEqual(["PATCH", "POST"]);
  });

  test("words that never come twice do not pile up: what is forgotten begins anew", async () => {
    const verbs: string[] = [];
    const objects = { ...memoryObjects(() => "uid") };
    const { create } = objects;
    Object.assign(objects, {
      create: (...args: Parameters<typeof create>) => {
        verbs.push("create");
        return create(...args);
      },
    });
    const events = eventsOver(objects, pino({ level: "silent" }), "operator-1");
    const emit = async (message: string) => {
      events.emit(about, "Normal", "Moved", message);
      await new Promise<void>((resolve) => setImmediate(resolve));
    };
    for (let n = 0; n <= 1000; n += 1) await emit(`place ${n}`);
    await emit("place 1000");
    expect(verbs.length).toBe(1001);
    await emit("place 0");
    expect(verbs.length).toBe(1002);
  });
});
