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
 * generated API would be parsed and kept: a tenth of the operator's memory. Its index is passed over, and of the generated
 * index what KubeConfig names is given; should it name more one day, the build fails.
 */
const onlyKubeConfig: Plugin = {
  name: "only-kube-config",
  setup: ({ onResolve, onLoad }) => {
    const dist = join(root, "node_modules/@kubernetes/client-node/dist");
    onResolve({ filter: /^@kubernetes\/client-node$/ }, () => ({ path: join(dist, "config.js") }));
    onLoad({ filter: /[\\/]client-node[\\/]dist[\\/]gen[\\/]index\.js$/ }, () => ({
      contents:
        'export { createConfiguration } from "./configuration.js"; export { ServerConfiguration } from "./servers.js";',
      resolveDir: join(dist, "gen"),
      loader: "js",
    }));
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
  plugins: [runnerInside, onlyKubeConfig],
});
for (const [path, { bytes }] of Object.entries(metafile.outputs))
  console.log(`${path}  ${Math.round(bytes / 1024)} KiB`);
