/** The scenarios of changes over an active/passive composite: nyc takes the writes and london relays them. */
import { hostsOf } from "../../simulator/model.ts";
import { nodeJoins, nodeLeaves } from "./change-of-nodes.ts";
import { changeOfOptions } from "./change-of-options.ts";
import { changeOfSettings } from "./change-of-settings.ts";
import { changeOfTransport } from "./change-of-transport.ts";
import { changeOfUsers } from "./change-of-users.ts";
import type { Scenario } from "./changing.ts";
import { holdOfNode } from "./hold-of-node.ts";
import { allTrue, editSite, settledScene } from "./site-scene.ts";

const settings = {
  mysql: { port: 13306, settings: { max_connections: "500" } },
  changes: { dataserver: "Automatic", switchBack: true },
};
const wanted = "max_connections=500";
const passive: Scenario["scene"] = (shape) => settledScene({ ...shape, topology: "CAP" });

export const relayScenarios = {
  "an option": { ...changeOfOptions, scene: passive },
  "my.cnf at the active site": { ...changeOfSettings, scene: passive },
  "my.cnf at a passive site": {
    ...changeOfSettings,
    scene: passive,
    begin: (scene) => editSite(scene, "london", settings),
    over: async (scene) =>
      hostsOf(scene.world, "london").every(({ mysql }) => mysql.started.includes(wanted)) &&
      (await allTrue(scene, "DatabaseCurrent")()),
  },
  "a replica held": { ...holdOfNode, scene: passive },
  "a node more at a passive site": { ...nodeJoins, scene: passive },
  "a node less at a passive site": { ...nodeLeaves, scene: passive },
  "a further user": { ...changeOfUsers, scene: passive },
  "TLS for replicators": { ...changeOfTransport, scene: passive },
} satisfies Record<string, Scenario>;
export type RelayScenario = keyof typeof relayScenarios;
export const relayScenarioNames = Object.keys(relayScenarios) as RelayScenario[];
