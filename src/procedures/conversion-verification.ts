/** The conversion's first and last act where asked for: a comparison of all data, under numbers of our own beside the vendor's. */
import type { ConversionParameters } from "./conversion-preflight.ts";
import type { Step } from "./procedure.ts";
import { differingHalts, verifyStep } from "./verify-data.ts";

const first = {
  n: 0,
  id: "VerifyDataBefore",
  title: "Verify data before",
  condition: "DataReadBefore",
  name: "data-before",
};
const last = {
  n: 13,
  id: "VerifyDataAfter",
  title: "Verify data after",
  condition: "DataReadAfter",
  name: "data-after",
};

/** Steps before the vendor's first and behind its last; data that differs halts only before, when nothing was touched. */
export function verifications(parameters: ConversionParameters): {
  readonly before: readonly Step[];
  readonly after: readonly Step[];
} {
  const { verifyData = "None", verification, acknowledgedFindings } = parameters;
  if (verification === undefined) return { before: [], after: [] };
  const halts = differingHalts(acknowledgedFindings);
  return {
    before: verifyData === "Before" || verifyData === "Both" ? [verifyStep(first, verification, halts)] : [],
    after: verifyData === "After" || verifyData === "Both" ? [verifyStep(last, verification)] : [],
  };
}
