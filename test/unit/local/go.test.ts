/** Programs that are missing are built by Go, or by the same words in a container where only Docker is there. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { cachedOrBuilt } from "../../../local/binaries.ts";

const modules = resolve(import.meta.dirname, "../../../build");
const recipe = { module: "etcd", target: "example.org/server", flags: "-s -w" };

const before = { ...process.env };
let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tungsten-operator-go-"));
  mkdirSync(join(folder, "bin"));
  for (const word of ["nice", "mkdir", "touch"])
    symlinkSync(
      ["/usr/bin", "/bin"].map((at) => join(at, word)).find(existsSync) ?? "",
      join(folder, "bin", word),
    );
  for (const name of ["SSL_CERT_FILE", "GOFLAGS", "GOPROXY", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"])
    delete process.env[name];
  Object.assign(process.env, { PATH: join(folder, "bin"), XDG_CACHE_HOME: join(folder, "cache") });
});
afterEach(() => {
  for (const name of Object.keys(process.env)) delete process.env[name];
  Object.assign(process.env, before);
  rmSync(folder, { recursive: true, force: true });
});

/** A program that notes its words, one a line, and makes what stands behind `-o`. */
function standIn(name: string, info = "[]"): void {
  const path = join(folder, "bin", name);
  const notes = join(folder, `${name}.words`);
  writeFileSync(
    path,
    `#!/bin/sh
case "$1" in info) echo '${info}'; exit 0 ;; version) exit 0 ;; esac
pwd > '${notes}'
for word in "$@"; do
  echo "$word" >> '${notes}'
  [ "$last" != -o ] || touch "$word"
  last=$word
done
`,
  );
  chmodSync(path, 0o755);
}
const wordsOf = (name: string): readonly string[] =>
  readFileSync(join(folder, `${name}.words`), "utf8")
    .trimEnd()
    .split("\n");
const build = () => cachedOrBuilt("etcd", recipe, ["etcd"], () => {});
const goWords = (path: string) => [
  ...["build", "-trimpath", "-ldflags", "-s -w", "-o", `${path}.${process.pid}`, "example.org/server"],
];

test("Go itself builds where it is there, in the module's folder, whatever else is", async () => {
  standIn("go");
  standIn("docker");
  const path = await build();
  expect(existsSync(path)).toBe(true);
  expect(wordsOf("go")).toEqual([join(modules, "etcd"), ...goWords(path)]);
  expect(existsSync(join(folder, "docker.words"))).toBe(false);
});

test("without Go the same words run in a container: modules read-only, output and cache mounted, files of the caller", async () => {
  standIn("docker");
  process.env.GOPROXY = "https://proxy.example";
  process.env.SSL_CERT_FILE = join(folder, "ca.pem");
  writeFileSync(process.env.SSL_CERT_FILE, "");
  const path = await build();
  const output = join(path, "..");
  const [, ...words] = wordsOf("docker");
  expect(words).toEqual([
    ...["run", "--rm", "--user", `${process.getuid?.()}:${process.getgid?.()}`],
    ...["--volume", `${modules}:/modules:ro`, "--volume", `${output}:${output}`],
    ...["--volume", `${join(folder, "cache/tungsten-operator/go")}:/cache`],
    ...["--volume", `${folder}/ca.pem:${folder}/ca.pem:ro`, "--env", "SSL_CERT_FILE"],
    ...["--env", "GOPROXY", "--env", "CGO_ENABLED=0", "--env", `GOOS=${process.platform}`],
    ...["--env", `GOARCH=${process.arch === "x64" ? "amd64" : process.arch}`, "--env", "HOME=/tmp"],
    ...["--env", "GOPATH=/cache/path", "--env", "GOCACHE=/cache/build"],
    ...["--workdir", "/modules/etcd", "golang:1.26-bookworm", "go", ...goWords(path)],
  ]);
  expect(existsSync(join(folder, "cache/tungsten-operator/go"))).toBe(true);
});

test("rootless Docker is given no user: its root is whoever called", async () => {
  standIn("docker", "[name=seccomp,profile=builtin name=rootless]");
  await build();
  expect(wordsOf("docker")).not.toContain("--user");
});

test("where neither is there, or Docker does not answer, one sentence names both ways", async () => {
  const says =
    /^etcd is not on this machine, and neither Go nor a Docker that answers is there to build it: install Go 1\.26 or start Docker/;
  await expect(build()).rejects.toThrow(says);
  writeFileSync(join(folder, "bin/docker"), "#!/bin/sh\necho cannot connect >&2\nexit 1\n");
  chmodSync(join(folder, "bin/docker"), 0o755);
  await expect(build()).rejects.toThrow(says);
});
