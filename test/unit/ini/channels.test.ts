/** How many channels the specs want: both words are needed, and both spellings count. */
import { expect, test } from "@jest/globals";
import { channelsIn } from "../../../src/ini/channels.ts";

test.each<[Record<string, string>, number]>([
  [{}, 1],
  [{ channels: "5" }, 1],
  [{ channels: "5", "svc-parallelization-type": "none" }, 1],
  [{ channels: "5", "svc-parallelization-type": "disk" }, 5],
  [{ "repl-channels": "5", "repl-svc-parallelization-type": "memory" }, 5],
  [{ channels: "0", "svc-parallelization-type": "disk" }, 1],
  [{ channels: "x", "svc-parallelization-type": "disk" }, 1],
  [{ "svc-parallelization-type": "disk" }, 1],
])("%j are %s", (options, channels) => expect(channelsIn(options)).toBe(channels));
