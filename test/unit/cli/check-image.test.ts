/** check-image against a kubectl of the test's: what it makes, waits for, asks, and deletes whatever happens. */
import { describe, expect, test } from "@jest/globals";
import { CheckError, checkImage, checkPod, isImage } from "../../../src/cli/check-image.ts";
import { contractLines, contractScript } from "../../../src/cli/contract.ts";
import type { Ran } from "../../../src/cli/kubectl.ts";

const all = `${contractLines()
  .map(({ number }) => `${number}\t0\t`)
  .join("\n")}\nend\t${contractLines().length}\t\n`;
const good = (stdout: string): Ran => ({ code: 0, stdout, stderr: "" });
const bad = (stderr: string): Ran => ({ code: 1, stdout: "", stderr });
const status = (state: object) => good(JSON.stringify({ status: { containerStatuses: [{ state }] } }));

type Call = { readonly words: string; readonly stdin: string };

/** Answers by the first rule whose words the call holds; each rule's answers are used in turn, the last one for ever. */
function cluster(rules: Readonly<Record<string, readonly Ran[]>>) {
  const calls: Call[] = [];
  const used = new Map<string, number>();
  const said: string[] = [];
  return {
    calls,
    said,
    means: {
      kubectl: async (args: readonly string[], stdin = ""): Promise<Ran> => {
        const words = args.join(" ");
        calls.push({ words, stdin });
        const rule = Object.keys(rules).find((key) => words.includes(key));
        if (rule === undefined) return bad(`unexpected: ${words}`);
        const turn = used.get(rule) ?? 0;
        used.set(rule, turn + 1);
        const answers = rules[rule] ?? [];
        return answers[Math.min(turn, answers.length - 1)] ?? bad("no answer");
      },
      pause: async () => {},
      say: (text: string) => void said.push(text),
    },
  };
}

test.each([
  ["nyc-0", false],
  ["registry.example/tungsten-node:mariadb-10.11", true],
  ["tungsten-node:1", true],
  ["tungsten-node@sha256:00", true],
])("%s is an image: %s", (subject, image) => expect(isImage(subject)).toBe(image));

describe("a pod", () => {
  test("is asked by one session, and its database is left alone unless told", async () => {
    const { means, calls } = cluster({ "get pod": [good("pod/nyc-0\n")], exec: [good(all)] });
    const findings = await checkPod("nyc-0", false, means);
    expect(findings.every(({ verdict }) => verdict === "ok")).toBe(true);
    expect(calls[1]).toEqual({
      words: "exec -i nyc-0 --container tungsten -- bash -s --",
      stdin: contractScript(),
    });
    await checkPod("nyc-0", true, means);
    expect(calls.at(-1)?.words).toMatch(/ --restart$/);
  });

  test("that is not there, or whose answer is cut short, is told in one sentence", async () => {
    const absent = cluster({ "get pod": [bad('pods "nyc-0" not found\n')] });
    await expect(checkPod("nyc-0", false, absent.means)).rejects.toThrow(
      /cannot be read: pods "nyc-0" not found/,
    );
    const cut = cluster({ "get pod": [good("")], exec: [good("1\t0\t\n2\t0\t\n")] });
    await expect(checkPod("nyc-0", false, cut.means)).rejects.toThrow(CheckError);
  });
});

describe("an image", () => {
  const up = { exec: [good("mysqld is running, pid 7\n")], delete: [good("")], create: [good("")] };

  test("runs as a site's pod would, is asked when its database is up, and goes again", async () => {
    const { means, calls, said } = cluster({
      create: up.create,
      delete: up.delete,
      "get pod check-image": [status({ waiting: { reason: "ContainerCreating" } }), status({ running: {} })],
      "bash -s": [good(all)],
      "mysqld-service status": [
        bad("mysqld is stopped"),
        good("mysqld is running, pid 7, and does not answer yet"),
        good("mysqld is running, pid 7\n"),
      ],
    });
    const findings = await checkImage("registry.example/node:1", means);
    expect(findings.every(({ verdict }) => verdict === "ok")).toBe(true);
    expect(said[1]).toBe("waiting: ContainerCreating");
    const made = JSON.parse(calls[0]?.stdin ?? "").items as {
      kind: string;
      metadata: { name: string };
      spec: never;
    }[];
    expect(made.map(({ kind }) => kind).sort()).toEqual(["ConfigMap", "ConfigMap", "Pod", "Secret"]);
    expect(made.every(({ metadata }) => metadata.name.startsWith("check-image-"))).toBe(true);
    const { spec } = made.find(({ kind }) => kind === "Pod") ?? { spec: {} };
    expect(spec).toMatchObject({
      restartPolicy: "Never",
      containers: [{ image: "registry.example/node:1", securityContext: { readOnlyRootFilesystem: true } }],
      volumes: expect.arrayContaining([
        { name: "opt", emptyDir: {} },
        { name: "backups", emptyDir: {} },
      ]),
    });
    expect(calls.filter(({ words }) => words.includes("bash -s")).map(({ words }) => words)).toEqual([
      expect.stringMatching(/--restart$/),
    ]);
    expect(calls.at(-1)?.words).toMatch(
      /^delete pod,configmap,secret --selector tungsten-operator.io\/check-image=/,
    );
  });

  test.each([
    [
      "an image that cannot be pulled",
      { waiting: { reason: "ImagePullBackOff", message: "no such image" } },
      /did not start: no such image/,
    ],
    ["a container that ends", { terminated: { reason: "Error", exitCode: 1 } }, /ended: Error, exit code 1/],
  ])("%s is told, and everything goes again", async (_name, state, text) => {
    const { means, calls } = cluster({ ...up, "get pod": [status(state)] });
    await expect(checkImage("a/b:1", means)).rejects.toThrow(text);
    expect(calls.at(-1)?.words).toMatch(/^delete /);
  });

  test("what may not be made is told, and what was made of it goes again", async () => {
    const { means, calls } = cluster({ ...up, create: [bad("pods is forbidden")] });
    await expect(checkImage("a/b:1", means)).rejects.toThrow("the pod cannot be made: pods is forbidden");
    expect(calls.at(-1)?.words).toMatch(/^delete /);
  });
});
