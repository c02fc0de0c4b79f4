#!/usr/bin/env node
// The kubectl plugin as a program on the path: `kubectl tungsten …` runs the sources under Node 24.
import { fileURLToPath } from "node:url";

process.argv.splice(2, 0, fileURLToPath(new URL("../src/cli/main.ts", import.meta.url)));
await import("./node24.mjs");
