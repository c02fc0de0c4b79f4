/** The process that holds a real simulated node's replicators, manager and connector, and answers its tools. */
import { newRealNode, tell } from "./answers.ts";
import { startEngine } from "./engine.ts";
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
const tools = serveTools(real, () => {
  const engine = startEngine(real);
  for (const signal of ["SIGTERM", "SIGINT"] as const)
    process.once(signal, () => {
      engine.stop();
      tools.close();
    });
});
