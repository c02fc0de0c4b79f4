/** Name → procedure: the one registry. A procedure is a function of its request's parameters. */
import type { UpgradeRequestSpec } from "../crds/upgrade-request.ts";
import { convertMsaaToCaa } from "./convert-msaa-to-caa.ts";
import type { Procedure } from "./procedure.ts";
import { verifyData } from "./verify-data.ts";

/** What a request is about: the estate of this CompositeService, or the one this TungstenCluster belongs to. */
export type About = { readonly composite: string } | { readonly site: string };

/** The procedure a request asks for, and the object that names its estate. */
export function procedureOf(spec: UpgradeRequestSpec): {
  readonly procedure: Procedure;
  readonly about: About;
} {
  if (spec.verifyData !== undefined) {
    const { cluster, ...parameters } = spec.verifyData;
    return { procedure: verifyData(parameters), about: { site: cluster.name } };
  }
  const parameters = spec.convertMsaaToCaa;
  if (parameters === undefined)
    throw new Error(`spec has no block for ${spec.procedure}; the schema demands it`);
  const { compositeService, ...rest } = parameters;
  return { procedure: convertMsaaToCaa(rest), about: { composite: compositeService.name } };
}
