/** The pages of the resets: each topology by its own services, nyc failed and london definitive. */
import { placeInWords } from "../src/procedures/plan.ts";
import type { Procedure, Run } from "../src/procedures/procedure.ts";
import { resetAllSites } from "../src/procedures/reset-all-sites.ts";
import { resetSite } from "../src/procedures/reset-site.ts";
import { resetSiteCaa } from "../src/procedures/reset-site-caa.ts";
import { resetSiteMsmm } from "../src/procedures/reset-site-msmm.ts";
import { generated, notation, page, stepLines } from "./page-parts.ts";

type Topology = "MSAA" | "CAA" | "MSMM";

const example = {
  failedSite: "nyc",
  definitiveSite: "london",
  donor: "",
  method: "xtrabackup",
  drainSeconds: 30,
  acknowledgedFindings: [],
} as const;

const ofSite =
  "Here nyc has failed, london is definitive and its last replica is the donor. What moved against the vendor's page, and why: [0014](../adr/0014-reset-order.md). How to run it: [the runbook](../operating/reset-site.md).";
const ofAll =
  "The page goes node by node; here every act is a barrier over the whole estate ([why](../adr/0014-reset-order.md)). How to run it: [the runbook](../operating/reset-all-sites.md).";

/** Path → page. */
export function resetPages(run: Run): readonly (readonly [string, string])[] {
  const installedAs = (topology: Topology): Run => ({ ...run, pins: { ...run.pins, topology } });
  const site = (path: string, topology: Topology, words: string, make: typeof resetSite) =>
    [
      `docs/procedures/${path}.md`,
      resetPage(
        `Reset a site, ${words}`,
        ofSite,
        "reset-site",
        make({ ...example, topology }),
        installedAs(topology),
      ),
    ] as const;
  const all = (path: string, topology: "MSAA" | "CAA") =>
    [
      `docs/procedures/${path}.md`,
      resetPage(
        `Reset all sites, ${topology}`,
        ofAll,
        "reset-all-sites",
        resetAllSites({ site: "nyc", topology, drainSeconds: 30 }),
        installedAs(topology),
      ),
    ] as const;
  return [
    site("reset-site", "MSAA", "Multi-Site/Active-Active", resetSite),
    site("reset-site-caa", "CAA", "Composite Active/Active", resetSiteCaa),
    site("reset-site-msmm", "MSMM", "multi-site releases before 6", resetSiteMsmm),
    all("reset-all-sites", "MSAA"),
    all("reset-all-sites-caa", "CAA"),
  ];
}

const resetPage = (title: string, about: string, runbook: string, procedure: Procedure, run: Run): string =>
  page([
    generated,
    `# ${title}`,
    `Procedure \`${procedure.name}\`, revision ${procedure.revision}. Asked for by an [UpgradeRequest](../reference/upgraderequest.md). Source: ${procedure.source}.`,
    about,
    notation(run),
    `Abort, and the point of no return: ${placeInWords(procedure, procedure.abortUntil)}. Until its first command \`spec.abort\` undoes what was done; then there is only forward.`,
    "## Before the plan",
    procedure.accepts.map(({ say }) => `- ${say}`).join("\n"),
    `Each refusal and its way out: [the runbook](../operating/${runbook}.md#refusals).`,
    ...procedure.steps.flatMap((step) => stepLines(step, run, "##")),
  ]);
