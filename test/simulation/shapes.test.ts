/**
 * The simulator prints what the real tools printed: each recorded output it has a twin of is compared in shape, the same
 * keys and lines, numbers and names masked. Every transcript is compared here, or is alike one that is, or is set apart
 * with a reason.
 */
import { describe, expect, test } from "@jest/globals";
import { newStage, type Said } from "../../simulator/lies/stage.ts";
import { objects, texts } from "./shape-cases.ts";
import { jsonShape, shapeOf, transcript, transcripts } from "./shapes.ts";

/** What was different about the rig: its recovery was switched on, and it had more hosts without ssh. */
const ofTheRig = /^autoRecoveryEnabled|^ERROR >> Net::SSH/;
const compared = (said: Said): readonly string[] => shapeOf(said.out).filter((line) => !ofTheRig.test(line));

describe("texts", () => {
  test.each(texts)("%s", (name, run) => {
    const recorded = transcript(name);
    const said = run(newStage());
    expect(compared(said)).toEqual(compared(recorded));
    expect(shapeOf(said.err)[0]).toEqual(shapeOf(recorded.err)[0]);
    if (!/[|;]/.test(recorded.line)) expect(said.code).toBe(recorded.code);
  });
});

describe("objects", () => {
  test.each(objects)("%s", (name, run) => {
    const recorded = transcript(name);
    const said = run(newStage());
    expect(jsonShape(said.out)).toEqual(jsonShape(recorded.out));
    expect(said.out.split("\n").length).toBe(recorded.out.split("\n").length);
    expect(said.code).toBe(recorded.code);
  });

  test("thl-list_-headers_-json", () => {
    const [recorded] = JSON.parse(transcript("thl-list_-headers_-json").out);
    const [first] = JSON.parse(newStage().cluster("nyc-0", "thl list -headers -json").out);
    const types = (event: object) => Object.entries(event).map(([key, value]) => [key, typeof value]);
    expect(types(first)).toEqual(types(recorded));
  });
});

/** Transcripts of one shape: these are compared through the other. */
const alike: readonly (readonly [RegExp, string])[] = [
  [
    /^conv-\w+-(arm|heartbeat|online|online-plain|online-force|skip-seqno|wait-offline|repair-setrole|repair-online-until-heartbeat|online-until-same-name|source-reset-all|alpha-slave-online|second-heartbeat)\.db/,
    "trepctl-online",
  ],
  [/^trepctl-online-after-apply-error$/, "trepctl-online"],
  [/^conv-.*-start\./, "replicator-start"],
  [/^conv-2-replicator-stop/, "replicator-stop"],
  [/^conv-1-dsctl-get-ascmd/, "dsctl-get_-ascmd"],
  [/^conv-(?!6a-install.db3)\w+-install(-twice-at-once-2)?\.db/, "conv-6a-install.db3"],
  [/^conv-(?!3|6e|6f-uninstall-(killed|third)).*uninstall/, "conv-6c-uninstall.db3"],
  [/^conv-.*thl-info/, "conv-1-thl-info.db3"],
  [/^conv-.*(thl-list-last|thl-at-N-after)/, "conv-1-thl-list-last.db3"],
  [/^conv-1-status-armed/, "conv-1-status-armed.db4"],
  [
    /^conv-(1-status-before-arming|5A-status-after-online|5B-status|5C-status-after-skip|6a-late-restore-status2|6a-status.db3|6c-before|6c2-status|6cd-status|6h-status.db3|6h-status-after-repair)/,
    "cluster-slave-trepctl-status-online",
  ],
  [/^conv-(6h-status.db4|6b-status-after-heartbeat)/, "conv-1-status-after-heartbeat.db3"],
  [/^conv-(6a-status-t1|6a-status-t2|6h-status-t2)/, "conv-6b-status-error.db3"],
  [/^conv-(6h-force-status|6j-status-after-new-events)/, "conv-6h-status-t3.db4"],
  [/^trepctl-services-slave-apply-error$/, "trepctl-services-epoch-mismatch"],
  [/^trepctl-online-after-dsctl-set-and/, "trepctl-status-after-online-force-epoch-mismatch"],
];
const alikeObjects: readonly (readonly [RegExp, string])[] = [
  [/^conv-1-status-after-heartbeat-json/, "conv-1-status-after-heartbeat-json.db3"],
  [/^conv-1-dsctl-get.db4/, "conv-1-dsctl-get.db3"],
];

/** Transcripts with no twin to compare, by their names, and why. */
const apart: readonly (readonly [RegExp, string])[] = [
  [/^sql-|^conv-(4|6d)-restore|^conv-2-mysqldump/, "printed by the mysql client, or by a shell around it"],
  [/^conv-(3-after-tree|6e-state|6f-state|6f-uninstall-third)/, "a shell's listing of directories"],
  [/^conv-(3-uninstall-stream|6f-uninstall-killed)/, "debug lines of --stream, which nobody asks for"],
  [
    /-help|^trepctl-(check|clear|clients|perf|shard|status-name|status-json-name)/,
    "not a verb of the simulator",
  ],
  [/^thl-list_-(sizes|seqno_4_-specs)|online-from-event/, "an option the simulator has not"],
  [
    /^tpm-(query-(deployments|manifest|modified-files|release|topology)|reverse|update)/,
    "another ini, or a question nobody asks",
  ],
  [/^tpm-query-staging/, "the newer release tells more ([doc]), which the operator needs"],
  [/^tpm-install-success/, "installed without a profile script; otherwise alike conv-6a-install"],
  [/^tungsten_get_position|^multi_trepctl-(list|two)$/, "not a tool of the simulator, or hosts of two trees"],
  [
    /apply-error|auto-recovery-exhausted|from-zero/,
    "another failing statement; the shape is that of conv-5C-status-later",
  ],
  [/^trepctl-(load|status-after-skip)|^conv-6[bc]-dsctl/, "a part of what others show whole"],
];

describe("the rest", () => {
  const done = new Set([...texts, ...objects].map(([name]) => name)).add("thl-list_-headers_-json");
  const others = transcripts().filter((name) => !done.has(name));
  const pairsOf = (table: typeof alike) =>
    others.flatMap((name) =>
      table.filter(([names]) => names.test(name)).map(([, to]) => [name, to] as const),
    );

  test.each(pairsOf(alike))("%s is alike %s", (name, other) => {
    expect(compared(transcript(name))).toEqual(compared(transcript(other)));
  });
  test.each(pairsOf(alikeObjects))("%s is alike %s", (name, other) => {
    expect(jsonShape(transcript(name).out)).toEqual(jsonShape(transcript(other).out));
  });

  test("every transcript is compared, alike one that is, or set apart for a reason", () => {
    const named = [...alike, ...alikeObjects, ...apart];
    expect(others.filter((name) => !named.some(([names]) => names.test(name)))).toEqual([]);
    const compares = [...alike, ...alikeObjects].map(([, to]) => to);
    expect(compares.filter((name) => !done.has(name))).toEqual([]);
    expect(apart.filter(([names]) => !others.some((name) => names.test(name)))).toEqual([]);
  });
});
