/** Name → procedure: the one registry. A procedure is a function of its request's parameters. */
import type { UpgradeRequestSpec } from "../crds/upgrade-request.ts";
import { convertMsaaToCaa } from "./convert-msaa-to-caa.ts";
import type { Procedure } from "./procedure.ts";

/** The procedure a request asks for, and the CompositeService that names its sites. */
export function procedureOf(spec: UpgradeRequestSpec): {
  readonly procedure: Procedure;
  readonly composite: string;
} {
  const parameters = spec.convertMsaaToCaa;
  if (parameters === undefined)
    throw new Error("spec.convertMsaaToCaa is missing; the schema demands it for this procedure");
  const { backup, limits, acknowledgedFindings, compositeService } = parameters;
  return {
    procedure: convertMsaaToCaa({ backup, limits, acknowledgedFindings }),
    composite: compositeService.name,
  };
}
