/** UpgradeRequest: one run of one procedure. Each procedure with parameters has one block named after it. */
import * as z from "zod";
import { checkPathsBlock } from "./check-paths.ts";
import {
  age,
  blockOf,
  type CustomResource,
  conditions,
  immutable,
  ready,
  reference,
  rules,
} from "./fields.ts";
import { fixReplicationBlock } from "./fix-replication.ts";
import { resetAllSites } from "./reset-all-sites.ts";
import { resetSite } from "./reset-site.ts";
import { failoverBlock, switchBlock } from "./switch.ts";
import { upgradeSoftware } from "./upgrade-software.ts";

const text = z.string().max(1024);

/** How a comparison of data goes gently on the servers it reads. */
const reading = {
  rowsPerChunk: z.int().min(100).max(1_000_000).default(20_000).describe("Rows read at once."),
  secondsPerChunk: z
    .int()
    .min(1)
    .max(15)
    .default(5)
    .describe("After so long the server ends the reading of a chunk; it is then read again."),
  pauseMilliseconds: z.int().min(0).max(60_000).default(500).describe("Between two chunks."),
  readings: z
    .int()
    .min(2)
    .max(20)
    .default(5)
    .describe("How often a chunk that differs is read, each time after replication has caught up."),
  lagSeconds: z
    .int()
    .min(1)
    .max(3600)
    .default(300)
    .describe("How long that may take; nodes still behind then are told as unknown."),
};

const verification = z
  .object({
    cluster: reference("A TungstenCluster; every table of every node of its whole estate is compared."),
    ...reading,
  })
  .describe("Parameters of VerifyData.");

const conversion = z
  .object({
    compositeService: reference("What the estate becomes; its members are the sites converted."),
    backup: z
      .object({
        mode: z.enum(["Take", "Attested"]).default("Take"),
        maxAgeHours: z
          .int()
          .min(1)
          .max(8760)
          .default(24)
          .describe("An attested backup that is older when the plan is made is refused."),
        who: text.optional().describe("Attested: who took the backups."),
        when: z
          .string()
          .max(40)
          .meta({ format: "date-time" })
          .optional()
          .describe("Attested: when the oldest was taken."),
        evidence: text.optional().describe("Attested: where they lie."),
        sites: z
          .array(
            z.object({
              site: z.string().max(63).describe("Name of the TungstenCluster."),
              sha256: z
                .string()
                .max(64)
                .regex(/^[0-9a-f]{64}$/)
                .describe("Checksum of that site's backup, as its tool or your archive tells it."),
              lsn: z
                .string()
                .max(20)
                .regex(/^[0-9]{1,20}$/)
                .describe("Log sequence number up to which it was prepared."),
            }),
          )
          .max(50)
          .default([])
          .meta({ "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["site"] })
          .describe("Attested: one backup for each site."),
      })
      .default({ mode: "Take", maxAgeHours: 24, sites: [] })
      .meta(
        rules({
          rule: "self.mode != 'Attested' || (has(self.who) && has(self.when) && has(self.evidence) && has(self.sites) && self.sites.exists(each, each.site != ''))",
          message:
            "mode Attested needs who, when, evidence and sites: say who took the backups, when, where they lie, with sha256 and lsn of each",
        }),
      )
      .describe("Take: the run takes one; Attested: a human vouches for one."),
    positions: z
      .enum(["Primitives", "TungstenPrepUpgrade"])
      .default("Primitives")
      .describe(
        "How positions and tracking schemas are kept: by trepctl, dsctl and dumps, or by the vendor's tungsten_prep_upgrade. The proofs are the same.",
      ),
    limits: z
      .object({
        latencySeconds: z.int().min(0).max(3600).default(5).describe("No service may be further behind."),
        backlogEvents: z
          .int()
          .min(0)
          .max(1_000_000_000)
          .default(10_000)
          .describe(
            "No service between sites may have more events of its source's log left to apply. What is written between the looks at both ends counts.",
          ),
        oldestTransactionSeconds: z
          .int()
          .min(0)
          .max(86400)
          .default(60)
          .describe("No transaction may be older."),
      })
      .default({ latencySeconds: 5, backlogEvents: 10_000, oldestTransactionSeconds: 60 })
      .describe("What pre-flight refuses beyond."),
    acknowledgedFindings: z
      .array(z.string().max(256))
      .max(200)
      .default([])
      .describe("Findings of the pre-flight a human has read, by id."),
    verifyData: z
      .enum(["None", "Before", "After", "Both"])
      .default("None")
      .describe(
        "Compare all data first and last. Differing data halts the run before it begins, and is told after it.",
      ),
    verification: z
      .object(reading)
      .default({
        rowsPerChunk: 20_000,
        secondsPerChunk: 5,
        pauseMilliseconds: 500,
        readings: 5,
        lagSeconds: 300,
      })
      .describe("How that comparison reads."),
    dropEmptySchemas: z
      .boolean()
      .default(false)
      .describe(
        "Drop the schemas tungsten_TARGET_from_SOURCE that tpm may leave behind, on every node where they are proven empty. They are told in any case.",
      ),
  })
  .describe("Parameters of ConvertMsaaToCaa.");

const instant = z.string().max(40).meta({ format: "date-time" });

const spec = z
  .object({
    procedure: z.enum([
      "ConvertMsaaToCaa",
      "VerifyData",
      "Switch",
      "Failover",
      "FixReplication",
      "ResetSite",
      "ResetAllSites",
      "CheckPaths",
      "UpgradeSoftware",
    ]),
    convertMsaaToCaa: conversion.optional(),
    verifyData: verification.optional(),
    switch: switchBlock.optional(),
    failover: failoverBlock.optional(),
    fixReplication: fixReplicationBlock.optional(),
    resetSite: resetSite.optional(),
    resetAllSites: resetAllSites.optional(),
    checkPaths: checkPathsBlock.optional(),
    upgradeSoftware: upgradeSoftware.optional(),
    approval: z
      .enum(["Manual", "Automatic"])
      .default("Manual")
      .describe("Automatic begins without a human's word, as soon as a plan is made."),
    approvedPlan: z
      .string()
      .max(64)
      .default("")
      .describe("Set to status.plan.hash to approve that plan and no other."),
    window: z
      .object({
        notBefore: instant.optional().describe("RFC 3339, e.g. 2026-05-02T21:00:00Z."),
        notAfter: instant.optional().describe("RFC 3339."),
      })
      .optional()
      .describe(
        "When the run may begin. It does not begin, and does not go behind its last safe place, if at worst it would outlast notAfter.",
      ),
    dryRun: z.boolean().default(false).describe("Make the plan and run nothing."),
    paused: z.boolean().default(false).describe("Stop after the part that runs."),
    abort: z
      .boolean()
      .default(false)
      .describe(
        "Undo what was done; ignored once the plan's last place for it is behind (uninstalling, resetting).",
      ),
    revert: z
      .boolean()
      .default(false)
      .describe("Go back further than abort can, until the point of no return."),
    lostNodes: z
      .array(z.string().max(63))
      .max(50)
      .optional()
      .meta({ "x-kubernetes-list-type": "set" })
      .describe(
        "ConvertMsaaToCaa: nodes without a pod that are lost for good. The run goes on or back without them; that is never taken back.",
      ),
    acknowledge: z
      .array(
        z.object({
          command: z.string().max(256).describe("Its marker's key, as status.ledger.attempts names it."),
          outcome: z
            .enum(["Succeeded", "Failed", "Retry"])
            .describe("Succeeded: it is not begun again. Failed and Retry: it is."),
          reason: text,
        }),
      )
      .max(50)
      .default([])
      .meta({ "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["command"] })
      .describe("A human's word about commands whose outcome is unknown."),
  })
  .meta(
    rules(
      ...immutable("procedure"),
      blockOf("ConvertMsaaToCaa", "convertMsaaToCaa"),
      blockOf("VerifyData", "verifyData"),
      blockOf("Switch", "switch"),
      blockOf("Failover", "failover"),
      blockOf("FixReplication", "fixReplication"),
      blockOf("ResetSite", "resetSite"),
      blockOf("ResetAllSites", "resetAllSites"),
      {
        rule: "self.approval == 'Manual' || (!self.procedure.contains('Reset') && (!has(self.fixReplication) || self.fixReplication.action != 'Reprovision'))",
        message:
          "approval must be Manual for a procedure that deletes data: read its plan, then set approvedPlan",
        fieldPath: ".approval",
      },
      blockOf("CheckPaths", "checkPaths"),
      blockOf("UpgradeSoftware", "upgradeSoftware"),
      {
        rule: "!has(self.window) || !has(self.window.notBefore) || !has(self.window.notAfter) || timestamp(self.window.notBefore) < timestamp(self.window.notAfter)",
        message: "window.notBefore must lie before window.notAfter: swap or correct them",
        fieldPath: ".window",
      },
    ),
  )
  .describe("Which procedure, with which parameters, and a human's words during the run.");

const status = z.object({
  observedGeneration: z.int().optional(),
  preflight: z
    .object({
      ok: z.int(),
      refused: z.int(),
      unknown: z.int(),
      report: z.string().max(253),
      sha256: z.string().max(64),
    })
    .optional()
    .describe(
      "How many checks said what when they were last asked, and the ConfigMap that holds the report.",
    ),
  plan: z
    .object({
      hash: z.string().max(64),
      short: z.string().max(16),
      commands: z.int(),
      pointOfNoReturn: z.string().max(512),
      interruption: z.array(z.object({ site: z.string().max(64), seconds: z.int() })).max(50),
      stored: z.string().max(253),
      findings: z.array(z.object({ id: z.string().max(256), text: z.string().max(1024) })).max(500),
    })
    .optional(),
  data: z
    .array(
      z.object({
        when: z.string().max(64),
        finished: z.boolean(),
        tables: z.object({ equal: z.int(), differing: z.int(), unknown: z.int() }),
        chunks: z.int(),
        rows: z.int(),
        report: z.string().max(253),
      }),
    )
    .max(8)
    .optional()
    .describe("What comparisons of data have found so far, and the ConfigMap their report begins in."),
  cursor: z.string().max(512).optional(),
  copies: z.string().max(512).optional().describe("Where positions and dumps lie off the nodes."),
  ledger: z
    .record(z.string(), z.unknown())
    .optional()
    .meta({ "x-kubernetes-preserve-unknown-fields": true, "x-kubernetes-map-type": "atomic" })
    .describe("What the operator steers by; written by nobody else."),
  conditions,
});

export const upgradeRequest = {
  kind: "UpgradeRequest",
  plural: "upgraderequests",
  singular: "upgraderequest",
  shortNames: ["upg"],
  description: "One run of one procedure, asked for by a human or by Git. Deleting it undoes nothing.",
  spec,
  status,
  columns: [
    { name: "Procedure", type: "string", jsonPath: ".spec.procedure" },
    { name: "Step", type: "string", jsonPath: ".status.cursor" },
    { name: "Plan", type: "string", jsonPath: ".status.plan.short" },
    ready("Progressing", "Progressing"),
    ready("Succeeded", "Succeeded"),
    age,
  ],
} satisfies CustomResource<typeof spec, typeof status>;

export type UpgradeRequestSpec = z.output<typeof spec>;
export type UpgradeRequestStatus = z.infer<typeof status>;
