// Runs a script under Node 24 or later. The operator's sources are TypeScript that Node strips itself, and the
// Kubernetes client refuses older releases; a machine with Node 20 gets the newer binary as an npm package.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const wanted = 24;
const packaged = fileURLToPath(
  new URL(`../node_modules/node-${process.platform}-${process.arch}/bin/node`, import.meta.url),
);
const binary = Number(process.versions.node.split(".")[0]) >= wanted ? process.execPath : packaged;
if (!existsSync(binary)) {
  console.error(
    `Node ${wanted} or later is needed: found ${process.version}, and npm has no Node package for ${process.platform}-${process.arch}; install Node ${wanted}.`,
  );
  process.exit(1);
}
const child = spawn(binary, ["--disable-warning=ExperimentalWarning", ...process.argv.slice(2)], {
  stdio: "inherit",
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
child.on("exit", (code, signal) => process.exit(signal ? 1 : code));
