/** Where `go` runs: on this machine, or in a container where there is Docker and no Go. The words are the same. */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Its Go is new enough for every module of `build/`. */
const image = "golang:1.26-bookworm";

/** What of the environment reaches the container: where modules come from, and through which proxies. */
const passedOn = [
  ...["GOPROXY", "GOSUMDB", "GONOSUMDB", "GOPRIVATE", "GOFLAGS"],
  ...["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"],
];

export type GoPlace = {
  /** Folder of all modules, and the one to build in it. */
  readonly modules: string;
  readonly module: string;
  /** Where the program is to be written. */
  readonly output: string;
  /** Kept between builds: downloaded modules and compiled packages. Used in a container alone; Go has its own places. */
  readonly cache: string;
};
export type Called = { readonly program: string; readonly words: readonly string[]; readonly cwd: string };

const answer = (program: string, words: readonly string[]): Promise<string | undefined> =>
  run(program, words, { timeout: 20_000, env: process.env }).then(
    ({ stdout }) => stdout,
    () => undefined,
  );

/** How to call `go` with these words. @throws Error with a sentence that names what is missing. */
export async function goCalled(name: string, place: GoPlace, words: readonly string[]): Promise<Called> {
  const cwd = join(place.modules, place.module);
  if ((await answer("go", ["version"])) !== undefined) return { program: "go", words, cwd };
  const security = await answer("docker", ["info", "--format", "{{.SecurityOptions}}"]);
  if (security !== undefined)
    return {
      program: "docker",
      words: [...containerWords(place, security.includes("rootless")), ...words],
      cwd,
    };
  throw new Error(
    `${name} is not on this machine, and neither Go nor a Docker that answers is there to build it: install Go 1.26 or start Docker (etcd, kube-apiserver, kube-controller-manager and kubectl may also be given by KUBEBUILDER_ASSETS)`,
  );
}

/** `docker run … golang go`: what is written belongs to whoever called; rootless Docker sees to that itself. */
function containerWords({ modules, module, output, cache }: GoPlace, rootless: boolean): readonly string[] {
  mkdirSync(cache, { recursive: true });
  const folder = join(output, "..");
  const certificates = process.env.SSL_CERT_FILE;
  const [uid, gid] = [process.getuid?.(), process.getgid?.()];
  const environment = {
    CGO_ENABLED: "0",
    GOOS: process.platform,
    GOARCH: process.arch === "x64" ? "amd64" : process.arch,
    HOME: "/tmp",
    GOPATH: "/cache/path",
    GOCACHE: "/cache/build",
  };
  return [
    ...["run", "--rm"],
    ...(rootless || uid === undefined ? [] : ["--user", `${uid}:${gid}`]),
    ...[
      "--volume",
      `${modules}:/modules:ro`,
      "--volume",
      `${folder}:${folder}`,
      "--volume",
      `${cache}:/cache`,
    ],
    ...(certificates !== undefined && existsSync(certificates)
      ? ["--volume", `${certificates}:${certificates}:ro`, "--env", "SSL_CERT_FILE"]
      : []),
    ...passedOn
      .filter((variable) => process.env[variable] !== undefined)
      .flatMap((variable) => ["--env", variable]),
    ...Object.entries(environment).flatMap(([variable, value]) => ["--env", `${variable}=${value}`]),
    ...["--workdir", `/modules/${module}`, image, "go"],
  ];
}
