/** Makes dist/operator.mjs: the operator as one file that needs Node 24 and nothing else, the runner script inside. */
import { rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { build, type Plugin } from "esbuild";
import { runnerScript } from "../src/runner/script.ts";

const root = resolve(import.meta.dirname, "..");

/** From source the runner's parts are read from the files beside script.ts; in the bundle their joined text stands instead. */
const runnerInside: Plugin = {
  name: "runner-inside",
  setup: ({ onLoad }) => {
    onLoad({ filter: /[\\/]src[\\/]runner[\\/]script\.ts$/ }, () => ({
      contents: `export const runnerScript = () => ${JSON.stringify(runnerScript())};`,
      loader: "js",
    }));
  },
};

/**
 * Of the Kubernetes client we use KubeConfig alone. Its package does not say that its modules may be left out, so all its
 * generated API would be parsed and kept: a tenth of the operator's memory. It needs none of them for their effects (one
 * adds a global that Node 18 lacked).
 */
const client = /[\\/]@kubernetes[\\/]client-node[\\/]/;
const onlyWhatIsUsed: Plugin = {
  name: "only-what-is-used",
  setup: ({ onResolve, resolve: resolved }) => {
    const ours = Symbol("asked by this plugin");
    onResolve(
      { filter: /^\.|^@kubernetes\/client-node$/ },
      async ({ path, importer, kind, resolveDir, pluginData }) => {
        if (pluginData === ours) return undefined;
        const found = await resolved(path, { importer, kind, resolveDir, pluginData: ours });
        return client.test(found.path) ? { ...found, sideEffects: false } : undefined;
      },
    );
  },
};

/** Libraries of the CommonJS kind ask for Node's own modules by `require`, which an ES module does not have. */
const require =
  'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);';

const outfile = process.argv[2] ?? join(root, "dist/operator.mjs");
rmSync(outfile, { force: true });
const { metafile } = await build({
  absWorkingDir: root,
  entryPoints: ["src/main.ts"],
  outfile,
  bundle: true,
  platform: "node",
  target: "node24",
  format: "esm",
  banner: { js: require },
  legalComments: "eof",
  sourcemap: false,
  metafile: true,
  logLevel: "warning",
  plugins: [runnerInside, onlyWhatIsUsed],
});
for (const [path, { bytes }] of Object.entries(metafile.outputs))
  console.log(`${path}  ${Math.round(bytes / 1024)} KiB`);
