/** The process that holds a real simulated node's replicators, manager and connector, and answers its tools. */
import { reportsOf } from "../managers.ts";
import { answersOf, runSteps } from "./answers.ts";
import { startEngine } from "./engine.ts";
import { newRealNode, tell } from "./real-node.ts";
import { settingsFrom } from "./settings.ts";
import { serveTools } from "./tools.ts";
import { newLines } from "./wire.ts";

const settings = settingsFrom(process.env);
const ambient = {
  get now() {
    return Date.now();
  },
  random: Math.random,
  variant: settings.variant,
  listeners: [],
  newPid: () => process.pid,
};
tell(ambient);
const real = newRealNode(
  settings,
  ambient,
  newLines((host) => settings.peers.get(host) ?? host),
);
// A node that was away may have lost its primary's role meanwhile; it asks before anything of it starts.
await runSteps(answersOf(real), reportsOf(real.node, real.node.cluster.dataservice));
const tools = serveTools(real, () => {
  const engine = startEngine(real);
  for (const signal of ["SIGTERM", "SIGINT"] as const)
    process.once(signal, () => {
      engine.stop();
      tools.close();
    });
});
