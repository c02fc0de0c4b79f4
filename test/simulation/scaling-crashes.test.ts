/** A crash before and after every write and every effect while a node joins or leaves: equal worlds, nothing begun twice. */
import { nodeJoins, nodeLeaves } from "./change-of-nodes.ts";
import { volumeLost } from "./change-of-volume.ts";
import { sweeps } from "./sweep.ts";

sweeps(151, [
  ["a node joins", nodeJoins],
  ["a node leaves", nodeLeaves],
  ["a node that lost its volume is made anew", volumeLost],
]);
