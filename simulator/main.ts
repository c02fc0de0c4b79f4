/** The simulator from the command line: `--lies` shows what the tools lie about, all or one in detail, `serve` runs a world for the stand-in node. */
import { parseArgs } from "node:util";
import { printLies } from "./lies/print.ts";
import { serveWorld } from "./serve.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    lies: { type: "boolean", default: false },
    seed: { type: "string", default: "1" },
    release: { type: "string", default: "8.0.4-132" },
    hurry: { type: "string", default: "0.2" },
  },
});

if (values.lies) process.exit(printLies((line) => console.log(line), positionals[0]) ? 0 : 1);
else if (positionals[0] === "serve") {
  const { server, stop } = await serveWorld({
    seed: Number(values.seed),
    release: values.release,
    hurry: Number(values.hurry),
  });
  const address = server.address();
  console.log(JSON.stringify({ port: typeof address === "object" && address !== null ? address.port : 0 }));
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, stop);
} else {
  console.error(
    "usage: npm run simulate -- --lies [NAME|NUMBER] | serve [--seed N] [--release R] [--hurry FACTOR]",
  );
  process.exit(2);
}
