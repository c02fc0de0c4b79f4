/** Name → procedure: the one registry. A procedure is a function of its request's parameters. */
import type { FixReplicationBlock } from "../crds/fix-replication.ts";
import type { UpgradeRequestSpec } from "../crds/upgrade-request.ts";
import { checkPaths } from "./check-paths.ts";
import { convertMsaaToCaa } from "./convert-msaa-to-caa.ts";
import { failOver } from "./failover.ts";
import type { FixParameters } from "./fix-names.ts";
import { fixReplication } from "./fix-replication.ts";
import type { Procedure } from "./procedure.ts";
import { resetAllSites } from "./reset-all-sites.ts";
import { resetSite } from "./reset-site.ts";
import { resetSiteCaa } from "./reset-site-caa.ts";
import { resetSiteMsmm } from "./reset-site-msmm.ts";
import { failSiteOver } from "./site-failover.ts";
import { switchSite } from "./site-switch.ts";
import { switchPrimary } from "./switch.ts";
import { upgradeSoftware } from "./upgrade-software.ts";
import { verifyData } from "./verify-data.ts";

/** What a request is about: the estate of this CompositeService, or the one this TungstenCluster belongs to. */
export type About =
  | { readonly composite: string /** Path of the field that names it. */; readonly field: string }
  | { readonly site: string };

export type Asked = {
  readonly procedure: Procedure;
  readonly about: About;
  /** Field path → value of what the steps depend on: frozen at approval, a change of it halts the run. */
  readonly frozen: Readonly<Record<string, string>>;
};

/** By its name in a ledger: a procedure that only reads holds no site. */
export const holdsSites = (procedure: string): boolean => procedure !== "VerifyData";

/** The procedure a request asks for. */
export function procedureOf(spec: UpgradeRequestSpec): Asked {
  if (spec.verifyData !== undefined) {
    const { cluster, ...parameters } = spec.verifyData;
    return {
      procedure: verifyData(parameters),
      about: { site: cluster.name },
      frozen: { "spec.verifyData.cluster.name": cluster.name },
    };
  }
  if (spec.resetSite !== undefined) return resetAsked(spec.resetSite);
  if (spec.resetAllSites !== undefined) {
    const { cluster, topology, drainSeconds } = spec.resetAllSites;
    return {
      procedure: resetAllSites({ site: cluster.name, topology, drainSeconds }),
      about: { site: cluster.name },
      frozen: {
        "spec.resetAllSites.cluster.name": cluster.name,
        "spec.resetAllSites.topology": topology,
      },
    };
  }
  if (spec.upgradeSoftware !== undefined) {
    const { cluster, release, limits } = spec.upgradeSoftware;
    return {
      procedure: upgradeSoftware({ release, latencySeconds: limits.latencySeconds }),
      about: { site: cluster.name },
      frozen: {
        "spec.upgradeSoftware.cluster.name": cluster.name,
        "spec.upgradeSoftware.release": release,
      },
    };
  }
  if (spec.switch !== undefined) return switchAsked(spec.switch);
  if (spec.failover !== undefined) return failoverAsked(spec.failover);
  if (spec.checkPaths !== undefined) {
    const { cluster, ...parameters } = spec.checkPaths;
    const at = "spec.checkPaths";
    return {
      procedure: checkPaths(parameters),
      about: { site: cluster.name },
      frozen: { [`${at}.cluster.name`]: cluster.name, [`${at}.beats`]: String(parameters.beats) },
    };
  }
  if (spec.fixReplication !== undefined) {
    const { cluster, service, nodes, action, skipEvent, applySql, reprovision } = spec.fixReplication;
    const at = "spec.fixReplication";
    return {
      procedure: fixReplication(fixOf(spec.fixReplication)),
      about: { site: cluster.name },
      frozen: {
        [`${at}.cluster.name`]: cluster.name,
        [`${at}.service`]: service,
        [`${at}.nodes`]: nodes.join(","),
        [`${at}.action`]: action,
        ...(skipEvent !== undefined && { [`${at}.skipEvent.seqno`]: String(skipEvent.seqno) }),
        ...(applySql !== undefined && { [`${at}.applySql.sha256`]: applySql.sha256 }),
        ...(reprovision !== undefined && {
          [`${at}.reprovision.donor`]: reprovision.donor,
          [`${at}.reprovision.method`]: reprovision.method,
        }),
      },
    };
  }
  const parameters = spec.convertMsaaToCaa;
  if (parameters === undefined)
    throw new Error(`spec has no block for ${spec.procedure}; the schema demands it`);
  const { compositeService, ...rest } = parameters;
  const at = "spec.convertMsaaToCaa";
  return {
    procedure: convertMsaaToCaa(rest),
    about: { composite: compositeService.name, field: `${at}.compositeService` },
    frozen: {
      [`${at}.compositeService.name`]: compositeService.name,
      [`${at}.backup.mode`]: rest.backup.mode,
      [`${at}.positions`]: rest.positions,
      [`${at}.verifyData`]: rest.verifyData,
      [`${at}.dropEmptySchemas`]: String(rest.dropEmptySchemas),
    },
  };
}

/** The schema's rules demand the block that belongs to the action. */
function fixOf(block: FixReplicationBlock): FixParameters {
  const { cluster, service, nodes, reason, action, skipEvent, applySql, reprovision } = block;
  const about = { site: cluster.name, service, nodes, reason };
  if (action === "SkipEvent") return { ...about, action: { is: action, seqno: skipEvent?.seqno ?? -1 } };
  if (action === "ApplySql") return { ...about, action: { is: action, sha256: applySql?.sha256 ?? "" } };
  if (action === "Reprovision") {
    const { donor = "", method = "xtrabackup" } = reprovision ?? {};
    return { ...about, action: { is: action, donor, method } };
  }
  return { ...about, action: { is: action } };
}

/** The schema's rules demand one pair: cluster and to, or compositeService and site. */
function switchAsked(block: NonNullable<UpgradeRequestSpec["switch"]>): Asked {
  const { cluster, to = "", compositeService, site = "", limits } = block;
  const at = "spec.switch";
  if (compositeService !== undefined)
    return {
      procedure: switchSite({ to: site, latencySeconds: limits.latencySeconds }),
      about: { composite: compositeService.name, field: `${at}.compositeService` },
      frozen: { [`${at}.compositeService.name`]: compositeService.name, [`${at}.site`]: site },
    };
  const { name = "" } = cluster ?? {};
  return {
    procedure: switchPrimary({ site: name, to, latencySeconds: limits.latencySeconds }),
    about: { site: name },
    frozen: { [`${at}.cluster.name`]: name, [`${at}.to`]: to },
  };
}

/** The same pairs; the second word names the node, or the site. */
function failoverAsked(block: NonNullable<UpgradeRequestSpec["failover"]>): Asked {
  const { cluster, to = "", compositeService, site = "", confirmed } = block;
  const at = "spec.failover";
  if (compositeService !== undefined)
    return {
      procedure: failSiteOver({ to: site, confirmed }),
      about: { composite: compositeService.name, field: `${at}.compositeService` },
      frozen: { [`${at}.compositeService.name`]: compositeService.name, [`${at}.site`]: site },
    };
  const { name = "" } = cluster ?? {};
  return {
    procedure: failOver({ site: name, to, confirmed }),
    about: { site: name },
    frozen: { [`${at}.cluster.name`]: name, [`${at}.to`]: to },
  };
}

function resetAsked(block: NonNullable<UpgradeRequestSpec["resetSite"]>): Asked {
  const { failedSite, definitiveSite, ...rest } = block;
  const at = "spec.resetSite";
  const parameters = { ...rest, failedSite: failedSite.name, definitiveSite: definitiveSite.name };
  return {
    procedure: { MSAA: resetSite, CAA: resetSiteCaa, MSMM: resetSiteMsmm }[rest.topology](parameters),
    about: { site: failedSite.name },
    frozen: {
      [`${at}.failedSite.name`]: failedSite.name,
      [`${at}.definitiveSite.name`]: definitiveSite.name,
      [`${at}.topology`]: rest.topology,
      [`${at}.donor`]: rest.donor,
      [`${at}.method`]: rest.method,
    },
  };
}
