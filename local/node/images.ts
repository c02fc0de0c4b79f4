/** Images without a registry and without Docker: buildah builds the very Dockerfiles that Docker users build, and keeps archives to import. */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
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

const folders = () => {
  const home = join(cacheRoot(), "images");
  return { home, storage: join(home, "storage"), run: join(home, "run") };
};

/** buildah with a store of its own; the machine's images are not touched. Containers of RUN lines are a mere chroot. */
export async function buildah(...args: string[]): Promise<string> {
  const { storage, run: runFolder } = folders();
  mkdirSync(storage, { recursive: true });
  const own = ["--root", storage, "--runroot", runFolder, "--storage-driver", "overlay"];
  const env = { ...process.env, BUILDAH_ISOLATION: "chroot" };
  const { stdout } = await run("nice", ["-n", "10", "buildah", ...own, ...args], {
    env,
    maxBuffer: 256 * 1024 * 1024,
  });
  return stdout;
}

/** Builds what has changed since the last time, layer by layer, and writes the archive if the image is a new one. */
export async function buildImage(inputs: ImageInputs, report: Report): Promise<Image> {
  const { home } = folders();
  mkdirSync(home, { recursive: true });
  const unlock = await lock(join(home, "build.lock"));
  try {
    const started = Date.now();
    const id = await build(inputs);
    const archive = join(home, `${fileName(inputs.name)}-${id.slice(0, 16)}.tar`);
    if (!existsSync(archive)) {
      await writeArchive(id, inputs.name, archive);
      report(`built image ${inputs.name} in ${Math.round((Date.now() - started) / 1000)} s`);
    }
    return { name: inputs.name, archive };
  } finally {
    unlock();
  }
}

const fileName = (image: string): string => image.replaceAll(/[^a-z0-9.]+/gi, "-");

async function build({ dockerfile, context, name, args = {} }: ImageInputs): Promise<string> {
  const values = Object.entries(args).flatMap(([key, value]) => ["--build-arg", `${key}=${value}`]);
  const options = ["--layers", "--format", "oci", "--quiet", "--pull-never"];
  await buildah("build", ...options, ...values, "--tag", name, "--file", dockerfile, context);
  return (await buildah("images", "--quiet", "--no-trunc", name)).trim().replace("sha256:", "");
}

/** One archive for each name: an older one goes. This format is not compressed: disk is cheaper than time. */
async function writeArchive(id: string, name: string, archive: string): Promise<void> {
  const { home } = folders();
  const made = join(home, `making-${process.pid}.tar`);
  await buildah("push", "--quiet", id, `docker-archive:${made}:${name}`);
  for (const old of readdirSync(home))
    if (old.startsWith(`${fileName(name)}-`)) rmSync(join(home, old), { force: true });
  renameSync(made, archive);
}
