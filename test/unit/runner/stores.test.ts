/** Key stores by the real script, openssl and keytool: made of the mounted certificate when the ini is joined, and made anew when it changes. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { readIni } from "../../../src/tungsten/node.ts";
import { newNode, type RunnerNode, sha256 } from "./node.ts";

const programs = resolve(import.meta.dirname, "../../../images/simulated-node/programs");
const standIn = join(programs, "keytool");
const isHere = (name: string): boolean => spawnSync("bash", ["-c", `command -v ${name}`]).status === 0;
const kinds = [
  { keytool: "keytool", whose: "Java's keytool", path: undefined, needs: ["openssl", "keytool"] },
  { keytool: standIn, whose: "the simulated node's", path: programs, needs: ["openssl"] },
].filter(({ whose, needs }) => {
  const missing = needs.filter((name) => !isHere(name));
  if (missing.length > 0) console.warn(`skipped, ${whose}: ${missing.join(", ")} not installed here`);
  return missing.length === 0;
});

const ini =
  "[defaults]\njava-keystore-path=/etc/tungsten/keystore.jks\njava-keystore-password=@{java-keystore-password}\n";
const password = "Sesame1234";

describe.each(kinds)("key stores by $whose", ({ keytool, path }) => {
  let node: RunnerNode;
  const openssl = (...words: string[]) => {
    const ran = spawnSync("openssl", words, { cwd: node.root, encoding: "utf8" });
    if (ran.status !== 0) throw new Error(ran.stderr);
  };
  const pem = (file: string): string => readFileSync(join(node.root, file), "utf8");
  /** A certificate signed by a new authority. */
  const certify = (name: string) => {
    openssl(
      "req",
      "-x509",
      "-newkey",
      "rsa:2048",
      "-nodes",
      "-subj",
      `/CN=ca-${name}`,
      "-keyout",
      "ca.key",
      "-out",
      "ca.pem",
    );
    openssl(
      "req",
      "-newkey",
      "rsa:2048",
      "-nodes",
      "-subj",
      `/CN=${name}`,
      "-keyout",
      "tls.key",
      "-out",
      "tls.csr",
    );
    openssl(
      "x509",
      "-req",
      "-in",
      "tls.csr",
      "-CA",
      "ca.pem",
      "-CAkey",
      "ca.key",
      "-set_serial",
      "1",
      "-out",
      "tls.pem",
    );
    for (const [key, file] of [
      ["tls.crt", "tls.pem"],
      ["tls.key", "tls.key"],
      ["ca.crt", "ca.pem"],
    ] as const)
      node.put(`etc/tungsten-secrets/${key}`, pem(file));
  };
  const runKeytool = (...words: string[]) => {
    const { status, stdout } = spawnSync(keytool, words, { encoding: "utf8", cwd: node.root });
    return { status, stdout };
  };
  const listed = (store: string, word = password): string =>
    runKeytool("-list", "-v", "-keystore", join(node.root, "etc/tungsten", store), "-storepass", word).stdout;
  const publish = async () => {
    const state = await node.run(`publish-ini ${sha256(ini)}`, ini);
    return state.state === "exited" ? state.output : state;
  };
  const joined = () => readIni(node.ask("ini"));

  beforeEach(() => {
    node = newNode({}, path);
  });
  afterEach(() => node.remove());

  test("hold the key under both aliases, and every authority", async () => {
    node.put("etc/tungsten-secrets/java-keystore-password", password);
    certify("first");
    const old = pem("ca.pem");
    certify("second");
    node.put("etc/tungsten-secrets/ca.crt", `${old}${pem("ca.pem")}`);
    expect(await publish()).toMatchObject({ exitCode: 0 });
    const keys = listed("keystore.jks");
    expect(keys).toMatch(/Alias name: tls/);
    expect(keys).toMatch(/Alias name: mysql/);
    expect(keys).toContain("CN=second");
    expect(listed("truststore.ts").match(/Owner: CN=ca-/g)?.length).toBe(2);
    expect(joined()).toMatchObject({ read: { joined: true } });
    expect(node.file("etc/tungsten/tungsten.ini")).toContain(`java-keystore-password=${password}`);
  });

  test("are told by what they were made of: two nodes with one certificate tell the same", async () => {
    node.put("etc/tungsten-secrets/java-keystore-password", password);
    certify("first");
    await publish();
    const before = node.ask("fingerprints salt").stdout;
    expect(before).toMatch(/^store\t\/etc\/tungsten\/keystore\.jks\t[0-9a-f]{64}$/m);
    node.put("etc/tungsten/stores-from", "nothing");
    await publish();
    expect(node.ask("fingerprints salt").stdout).toBe(before);
  });

  test("another certificate is not joined before they are made anew", async () => {
    node.put("etc/tungsten-secrets/java-keystore-password", password);
    certify("first");
    await publish();
    certify("second");
    expect(joined()).toMatchObject({ read: { joined: false } });
    expect(await publish()).toMatchObject({ exitCode: 0 });
    expect(listed("keystore.jks")).toContain("CN=second");
    expect(joined()).toMatchObject({ read: { joined: true } });
  });

  test("open with their password alone, and take each authority once", async () => {
    node.put("etc/tungsten-secrets/java-keystore-password", password);
    certify("first");
    await publish();
    expect(listed("keystore.jks", "Sesame9999")).toMatch(/keytool error: .*password was incorrect/);
    expect(readFileSync(join(node.root, "etc/tungsten/keystore.jks"), "latin1")).not.toContain("PRIVATE KEY");
    const trust = join("etc/tungsten", "truststore.ts");
    const again = (alias: string, file: string) =>
      runKeytool(
        ...["-importcert", "-noprompt", "-alias", alias, "-file", file],
        ...["-keystore", trust, "-storetype", "JKS", "-storepass", password],
      );
    expect(again("ca-1", "ca.pem")).toEqual({
      status: 1,
      stdout: expect.stringContaining("Certificate not imported, alias <ca-1> already exists"),
    });
    expect(again("ca-2", "tls.csr").stdout).toMatch(/Input not an X.509 certificate/);
    expect(again("ca-2", "tls.pem")).toEqual({ status: 0, stdout: "" });
    expect(listed("truststore.ts")).toMatch(/contains 2 entries/);
  });

  test("without a certificate, or with one that is none, the ini is not joined", async () => {
    expect(await publish()).toMatchObject({ exitCode: 1 });
    node.put("etc/tungsten-secrets/java-keystore-password", password);
    for (const key of ["tls.crt", "tls.key", "ca.crt"]) node.put(`etc/tungsten-secrets/${key}`, "nonsense");
    expect(await publish()).toMatchObject({ exitCode: 1 });
    expect(joined()).toMatchObject({ read: { joined: false } });
  });
});
