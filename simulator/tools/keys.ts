/** The runner's `fingerprints`: checksums of a salt and what a node would have to keep secret. */
import { sha256 } from "../checksum.ts";
import { ok, quick } from "./tool.ts";

/** `KIND NAME` → the secret; null: named and not there. Several keys of one kind are told apart behind a `#`. */
export type Keys = Map<string, string | null>;

/** What every node of an estate has alike. */
export const commonKeys = (canary: string): Keys =>
  new Map([
    ["account replication-user", "tungsten"],
    ["account replication-password", canary],
    ["account application-user", "app_user"],
    ["account application-password", `${canary}-app`],
    ["identity key", "AAAA-identity"],
    ["host key", "AAAA-host"],
    ["authorized key#1", "AAAA-identity"],
    ["known key#1", "AAAA-host"],
  ]);

export const fingerprints = quick(({ host, args: [salt = ""] }) =>
  ok(
    [...host.keys]
      .map(([name, secret]) => {
        const [kind, word = ""] = name.split(" ");
        return `${kind}\t${word.split("#")[0]}\t${secret === null ? "absent" : sha256(`${salt}\n${secret}`)}\n`;
      })
      .join(""),
  ),
);
