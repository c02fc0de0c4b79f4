/** Images without a registry and without Docker: buildah builds the very Dockerfiles that Docker users build, and keeps archives to import. */
import { execFile } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { cacheRoot, lock, type Report } from "../binaries.ts";

const run = promisify(execFile);

export type ImageInputs = {
  /** The Dockerfile's path. */
  readonly dockerfile: string;
  /** The folder it copies from. */
  readonly context: string;
  /** With tag, as pods name it. */
  readonly name: string;
  /** Values for its ARGs; `BASE` names the image it stands on. */
  readonly args?: Readonly<Record<string, string>>;
};
/** An archive as `docker save` writes it, and the name it carries. */
export type Image = { readonly name: string; readonly archive: string };

const home = (): string => join(cacheRoot(), "images");

/**
 * buildah with a store of its own: the machine's images are not touched. Containers of RUN lines are a mere chroot. What it
 * mounts, it mounts in a namespace that goes with it: it would leave mounts behind, and more after a failed build.
 */
export async function buildah(...args: string[]): Promise<string> {
  const storage = join(home(), "storage");
  mkdirSync(storage, { recursive: true });
  const state = mkdtempSync(join(tmpdir(), "tungsten-operator-buildah-"));
  const apart = ["--mount", "--propagation=private", "nice", "-n", "10", "buildah"];
  const own = ["--root", storage, "--runroot", state, "--storage-driver", "overlay"];
  const env = { ...process.env, BUILDAH_ISOLATION: "chroot" };
  try {
    return (await run("unshare", [...apart, ...own, ...args], { env, maxBuffer: 256 * 1024 * 1024 })).stdout;
  } finally {
    rmSync(state, { recursive: true, force: true });
  }
}

/** One build at a time; working containers that an earlier build left when it failed or was killed go first. */
export async function building<T>(work: () => Promise<T>): Promise<T> {
  mkdirSync(home(), { recursive: true });
  const unlock = await lock(join(home(), "build.lock"));
  try {
    await buildah("rm", "--all");
    return await work();
  } finally {
    unlock();
  }
}

/** Builds what has changed since the last time, layer by layer, and writes the archive if the image is a new one. */
export const buildImage = (inputs: ImageInputs, report: Report): Promise<Image> =>
  building(async () => {
    const started = Date.now();
    const id = await build(inputs);
    const archive = join(home(), `${fileName(inputs.name)}-${id.slice(0, 16)}.tar`);
    if (!existsSync(archive)) {
      await writeArchive(id, inputs.name, archive);
      report(`built image ${inputs.name} in ${Math.round((Date.now() - started) / 1000)} s`);
    }
    utimesSync(archive, new Date(), new Date());
    forgetOldArchives();
    return { name: inputs.name, archive };
  });

const fileName = (image: string): string => image.replaceAll(/[^a-z0-9.]+/gi, "-");

async function build({ dockerfile, context, name, args = {} }: ImageInputs): Promise<string> {
  const values = Object.entries(args).flatMap(([key, value]) => ["--build-arg", `${key}=${value}`]);
  const options = ["--layers", "--format", "oci", "--quiet", "--pull-never"];
  await buildah("build", ...options, ...values, "--tag", name, "--file", dockerfile, context);
  return (await buildah("images", "--quiet", "--no-trunc", name)).trim().replace("sha256:", "");
}

/** Not compressed: disk is cheaper than time. */
async function writeArchive(id: string, name: string, archive: string): Promise<void> {
  const made = join(home(), `making-${process.pid}.tar`);
  await buildah("push", "--quiet", id, `docker-archive:${made}:${name}`);
  renameSync(made, archive);
}

/** Archives that nobody asked for since yesterday. */
function forgetOldArchives(): void {
  for (const name of readdirSync(home())) {
    const path = join(home(), name);
    if (name.endsWith(".tar") && Date.now() - statSync(path).mtimeMs > 24 * 3_600_000)
      rmSync(path, { force: true });
  }
}
