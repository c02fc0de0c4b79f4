/** The kubectl plugin: `kubectl tungsten COMMAND`. It works with the user's kubectl and the user's rights. */
import { setTimeout } from "node:timers/promises";
import { Command } from "commander";
import { CheckError, checkImage, checkPod, isImage } from "./check-image.ts";
import { reportOf } from "./contract.ts";
import { kubectlFor, type Target } from "./kubectl.ts";
import { notOnline, readServiceRows, ServicesError, serviceTable } from "./services.ts";

const program = new Command("kubectl tungsten")
  .description("Tools for people who run Tungsten clusters with the Tungsten Operator.")
  .option("-n, --namespace <name>", "namespace of the pod; kubectl's own when left out")
  .option("--context <name>", "context of the kubeconfig")
  .option("--kubeconfig <file>", "kubeconfig file");

program
  .command("check-image")
  .argument(
    "<subject>",
    "an image, which runs in a pod of its own meanwhile, or the name of a running node's pod",
  )
  .option(
    "--restart",
    "restart the database of that pod to see that it can be; an image's is restarted anyway",
    false,
  )
  .description("Checks every numbered line of the node contract (docs/operating/node-image.md).")
  .action(async (subject: string, { restart }: { restart: boolean }) => {
    const means = {
      kubectl: kubectlFor(program.opts<Target>()),
      pause: (ms: number) => setTimeout(ms).then(() => undefined),
      say: (text: string) => void process.stderr.write(`${text}\n`),
    };
    try {
      const findings = isImage(subject)
        ? await checkImage(subject, means)
        : await checkPod(subject, restart, means);
      process.stdout.write(reportOf(findings));
      process.exitCode = findings.some(({ verdict }) => verdict === "FAIL") ? 1 : 0;
    } catch (error) {
      if (!(error instanceof CheckError)) throw error;
      process.stderr.write(`check-image: ${error.message}\n`);
      process.exitCode = 2;
    }
  });

program
  .command("services")
  .option("--by-host", "order by host instead of by service", false)
  .description("Lists every replication service of every node, as multi_trepctl --by-service does.")
  .action(async ({ byHost }: { byHost: boolean }) => {
    try {
      const rows = await readServiceRows(kubectlFor(program.opts<Target>()));
      process.stdout.write(serviceTable(rows, Date.now(), byHost ? "host" : "service"));
      process.exitCode = notOnline(rows) > 0 ? 1 : 0;
    } catch (error) {
      if (!(error instanceof ServicesError)) throw error;
      process.stderr.write(`services: ${error.message}\n`);
      process.exitCode = 2;
    }
  });

await program.parseAsync();
