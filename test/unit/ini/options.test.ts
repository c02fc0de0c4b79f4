/** The option catalogue holds every option of the last open release and of the vendor's own inis, and refuses all others in one sentence. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { readIni, renderIni } from "../../../src/ini/document.ts";
import { optionFaults, optionNamed } from "../../../src/ini/option-catalogue.ts";
import { optionLines } from "../../../src/ini/option-catalogue-data.ts";
import { slips, vendorKeys } from "./vendor-keys.ts";

/** A dump of tpm's own option definitions, release 5.2.1. */
type Dumped = {
  readonly option: string;
  readonly aliases: readonly string[];
  readonly scope: string;
  readonly valid: string;
  readonly allowedInDefaults: boolean;
};
const dump: readonly Dumped[] = readFileSync(join(import.meta.dirname, "tpm-options-5.2.1.jsonl"), "utf8")
  .trimEnd()
  .split("\n")
  .map((line) => JSON.parse(line));

describe("the catalogue", () => {
  test("holds all 303 options of release 5.2.1 with their aliases", () => {
    expect(dump).toHaveLength(303);
    for (const { option, aliases } of dump)
      for (const word of [option, ...aliases])
        expect([word, optionNamed(word)?.name]).toEqual([word, option]);
  });

  test("knows which of them count per service only", () => {
    const perService = dump
      .filter(({ option }) => optionNamed(option)?.perService)
      .map(({ option }) => option);
    expect(perService).toEqual(dump.filter((each) => !each.allowedInDefaults).map(({ option }) => option));
  });

  test("knows the kind of value of each", () => {
    const kinds: Readonly<Record<string, string>> = {
      "true|false|y|yes|n|no": "boolean",
      "^[0-9]+$": "integer",
      "^[-]?[0-9]+$": "integer",
      "^(\\/[A-Za-z0-9\\-_\\.\\/]+|~[A-Za-z0-9\\-_\\.\\/]*)$": "path",
      "^[A-Za-z0-9_]+$": "word",
    };
    for (const { option, valid } of dump)
      if (kinds[valid] !== undefined)
        expect([option, optionNamed(option)?.kind]).toEqual([option, kinds[valid]]);
    for (const { option, valid } of dump.filter((each) => /^\^?[a-zA-Z]+\|/.test(each.valid))) {
      const words = optionNamed(option)?.kind.split("|") ?? [];
      if (kinds[valid] === undefined)
        expect(words).toEqual(expect.arrayContaining(valid.replace(/[\^$]/g, "").split("|")));
    }
  });

  test("names no option and no alias twice", () => {
    const words = optionLines.flatMap((line) => {
      const [name = "", , , aliases = ""] = line.split(" ");
      return [name, ...aliases.split(",").filter((alias) => alias !== "")];
    });
    expect(words.filter((word, index) => words.indexOf(word) !== index)).toEqual([]);
  });

  test("holds every key of the vendor's inis and of the pages about later releases", () => {
    const later = [
      "rest-api-admin-user",
      "rest-api-admin-pass",
      "rest-api-admin-password",
      "manager-rest-api-port",
      "manager-rest-api-address",
      "manager-rest-api-ssl",
      "connector-rest-api-port",
      "connector-rest-api-address",
      "connector-rest-api-ssl",
      "replicator-rest-api",
      "replicator-rest-api-port",
      "replicator-rest-api-address",
      "replicator-rest-api-listen-address",
      "replicator-rest-api-ssl",
      "connector-write-affinity",
      "connector-reset-when-affinity-back",
      "datasource-group-id",
      "java-mysql-alias",
      "svc-systemd-config-manager",
      "svc-extractor-multi-frag-service-detection",
      "property",
      "remove-property",
      "skip-validation-check",
      "skip-validation-warnings",
      "enable-validation-check",
    ];
    expect(vendorKeys.length).toBeGreaterThan(30);
    expect([...vendorKeys, ...later].filter((key) => optionNamed(key) === undefined)).toEqual([]);
  });
});

describe("an unknown key", () => {
  test.each(vendorKeys)("%s with one letter changed is refused, and the right key named", (key) => {
    const option = optionNamed(key)?.name;
    const changed = slips(key);
    expect(changed.length).toBeGreaterThan(3);
    for (const slip of changed) {
      const [sentence = "", ...more] = optionFaults({ [slip]: "true" }, "spec.options");
      expect(more).toEqual([]);
      expect(sentence).toContain(`spec.options.${slip}: tpm knows no option «${slip}»`);
      const near = /did you mean ([a-z0-9-]+)\?$/.exec(sentence)?.[1] ?? "";
      expect([slip, optionNamed(near)?.name]).toEqual([slip, option]);
    }
  });

  test.each(["primary", "replicas", "datasource-mysql-service", "nonsense-that-is-nowhere", "x", "-", ""])(
    "«%s» is refused too",
    (key) => {
      expect(optionFaults({ [key]: "1" }, "spec.options")).toHaveLength(1);
    },
  );
});

describe("a value", () => {
  test.each([
    ["log-slave-updates", "on", "write true or false"],
    ["log-slave-updates", "1", "write true or false"],
    ["log-slave-updates", "yes", "write true or false"],
    ["log-slave-updates", "True", "write true or false"],
    ["channels", "two", "write digits only"],
    ["channels", "1.5", "write digits only"],
    ["thl-directory", "thl", "begin it with /"],
    ["thl-directory", "/opt/my thl", "begin it with /"],
    ["svc-parallelization-type", "ssd", "write disk, memory, none"],
    ["svc-fail-on-zero-row-update", "Warn", "write stop, warn, ignore"],
    ["connector-affinity", "nyc, london", "separate by commas without blanks"],
    ["svc-applier-filters", "a,,b", "separate by commas without blanks"],
    ["dataservice-schema", "tungsten-nyc", "use letters, digits and _"],
    ["property", "replicator.x", "write name=value"],
    ["application-user", "x", "set spec.credentials.application"],
    ["home-directory", "/opt/other", "the node contract fixes it"],
    ["relay", "db1", "the live primary decides it"],
    ["connector-driver-options", "a #b", "# or ; at its beginning or behind a blank"],
    ["connector-driver-options", "a ;b", "# or ; at its beginning or behind a blank"],
    ["connector-driver-options", "#a", "# or ; at its beginning or behind a blank"],
    ["connector-driver-options", " a", "begins or ends with a blank"],
    ["connector-driver-options", "a\nb=c", "put it on one line"],
    ["connector-driver-options", "a\\", "ends with a backslash"],
    ["connector-driver-options", "ä", "outside ASCII"],
    ["connector-driver-options", "", "is empty"],
    ["connector-driver-options", '"a b"', "is quoted"],
    ["connector-driver-options", "'a'", "is quoted"],
    ["connector-driver-options", "@{replication-password}", "where a Secret goes in"],
  ])("%s = %j is refused in one sentence that says: %s", (key, value, way) => {
    const [sentence = "", ...more] = optionFaults({ [key]: value }, "spec.options");
    expect(more).toEqual([]);
    expect(sentence).toMatch(new RegExp(`^spec\\.options\\.${key}: `));
    expect(sentence).toContain(way);
    expect(sentence).not.toMatch(/[.!]$/);
  });

  test.each([
    ["thl-log-retention", "7d"],
    ["channels", "4"],
    ["connector-max-connections", "-1"],
    ["log-slave-updates", "false"],
    ["thl_port", "2114"],
    ["repl-thl-port", "2114"],
    ["property", "replicator.applier.dbms.optimizeRowEvents=a=b;c#d"],
    ["file-protection-level", "0027"],
    ["skip-validation-check", "HostsFileCheck,NtpdRunningCheck"],
    ["datasource-mysql-conf", "~/my.cnf"],
  ])("%s = %s is taken", (key, value) => {
    expect(optionFaults({ [key]: value }, "spec.options")).toEqual([]);
  });

  test("one option under two names is refused once", () => {
    const faults = optionFaults(
      { thl_port: "2114", "thl-port": "2115", "repl-thl-port": "2116" },
      "spec.options",
    );
    expect(faults).toHaveLength(2);
    expect(faults[0]).toContain("«thl-port» and «thl_port» are one option");
  });

  test("that is taken arrives as it is", () => {
    const value = fc.oneof(fc.string({ maxLength: 30 }), fc.string({ unit: "grapheme", maxLength: 10 }));
    const key = fc.constantFrom(...optionLines.map((line) => line.split(" ")[0] ?? ""));
    fc.assert(
      fc.property(key, value, (name, text) => {
        if (optionFaults({ [name]: text }, "spec.options").length > 0) return;
        const written = renderIni([{ name: "nyc", entries: [[name, text]] }]);
        expect(readIni(written)).toEqual({ document: [{ name: "nyc", entries: [[name, text]] }] });
      }),
      { seed: Number(process.env.FIRST_SEED ?? 1), numRuns: 2000 * Number(process.env.SEEDS ?? 1) },
    );
  });
});
