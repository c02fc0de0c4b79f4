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
  plugins: [runnerInside],
});
for (const [path, { bytes }] of Object.entries(metafile.outputs))
  console.log(`${path}  ${Math.round(bytes / 1024)} KiB`);
