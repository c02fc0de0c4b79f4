/** Name → procedure: the one registry. A procedure is a function of its request's parameters. */
import type { UpgradeRequestSpec } from "../crds/upgrade-request.ts";
import { convertMsaaToCaa } from "./convert-msaa-to-caa.ts";
import type { Procedure } from "./procedure.ts";

export type Asked = {
  readonly procedure: Procedure;
  /** The CompositeService that names the sites. */
  readonly composite: string;
  /** Field path → value of what the steps depend on: frozen at approval, a change of it halts the run. */
  readonly frozen: Readonly<Record<string, string>>;
};

/** The procedure a request asks for. */
export function procedureOf(spec: UpgradeRequestSpec): Asked {
  const parameters = spec.convertMsaaToCaa;
  if (parameters === undefined)
    throw new Error("spec.convertMsaaToCaa is missing; the schema demands it for this procedure");
  const { backup, limits, acknowledgedFindings, compositeService } = parameters;
  const at = "spec.convertMsaaToCaa";
  return {
    procedure: convertMsaaToCaa({ backup, limits, acknowledgedFindings }),
    composite: compositeService.name,
    frozen: { [`${at}.compositeService.name`]: compositeService.name, [`${at}.backup.mode`]: backup.mode },
  };
}
