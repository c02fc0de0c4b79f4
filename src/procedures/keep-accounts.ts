/**
 * Bring the accounts of a site's Secret to its nodes: each into the database, its password beside the one it had, then the
 * further users into the connector's user.map; and, once every connector of the estate has the new ones, former passwords
 * and users away. Nothing is logged: a server may write a password to its binary log as it was said, and that log goes to
 * every site; so each node does it for itself, as with the accounts of its installation. Asked for by the specs.
 */
import type { AccountsState } from "../tungsten/accounts.ts";
import { accountsState } from "../tungsten/node-facts.ts";
import type { Judgement, Part, Procedure, Step } from "./procedure.ts";
import { everyNode } from "./scopes.ts";
import { check, safely } from "./site-commands.ts";
import { of } from "./site-parts.ts";
import { doneIf, knowing, pending } from "./verdicts.ts";

/** Which site, and the version of its Secret as `secretWord` writes it. */
export type Accounts = {
  readonly site: string;
  readonly secret: string;
  /** Only the databases: in a composite connectors follow when those of every site take the new passwords. */
  readonly databasesOnly?: boolean;
};

/** A word without a dot is the first half of a version: passwords of tungsten.ini, whatever the further users are. */
const isVersion = (told: string, wanted: string): boolean =>
  wanted.includes(".") ? told === wanted : told.split(".")[0] === wanted;

const tells =
  (secret: string, has: (state: AccountsState) => boolean, lacks: string): Judgement =>
  (target, look) =>
    knowing(
      look.facts.get(target.node.name, accountsState),
      `the accounts of ${target.node.name}`,
      (state) =>
        isVersion(state.secret, secret)
          ? doneIf(has(state), `${lacks} on ${target.node.name}`)
          : pending(`${target.node.name} mounts another version of the Secret yet`),
    );

/** One act on every node; it begins only over the version that was decided on, and the script looks at that again. */
const act = (
  { site, secret }: Accounts,
  verb: "change" | "map" | "settle",
  {
    what,
    when,
    has,
    lacks,
  }: { what: string; when: string; has: (state: AccountsState) => boolean; lacks: string },
): Part => ({
  what,
  on: of(everyNode, (target) => target.site.name === site),
  run: [
    {
      when,
      holds: tells(secret, () => true, ""),
      effect: (target) =>
        safely(target.node, ["accounts", verb], {
          prechecks: [check(secret.includes(".") ? "secret-is" : "passwords-are", secret)],
        }),
    },
  ],
  done: tells(secret, has, lacks),
  stallSeconds: 600,
});

/** Every account takes its password, beside the one it had. */
const changeAccounts = (about: Accounts): Part =>
  act(about, "change", {
    what: "every account of the Secret exists and takes its password; a former one stays good",
    when: "one is missing, or has another password",
    has: ({ database }) => database,
    lacks: "an account is missing or has another password",
  });

/** The same, as the beginning of a change of tungsten.ini that brings these passwords. */
export const changePasswords = (site: string, ini: string): Part => changeAccounts({ site, secret: ini });

const plain = {
  source: "Tungsten documentation, Deploying Multi-Site/Active-Active Clustering, accounts; user.map Updates",
  accepts: [],
  holds: [],
  revert: [],
  interruptions: () => [],
  budgets: [],
  pins: () => ({ unknown: "a change of accounts pins what its TungstenCluster says" }) as const,
};

/** The Secret's accounts into databases and connectors. */
export const keepAccounts = (about: Accounts): Procedure => ({
  ...plain,
  name: "KeepAccounts",
  revision: 1,
  steps: [
    {
      n: 1,
      id: "ChangeAccounts",
      title: "Make the accounts, and give each its password",
      condition: "AccountsChanged",
      undo: "Nothing to undo: former passwords are still good.",
      parts: [changeAccounts(about)],
    },
    ...(about.databasesOnly === true ? [] : [mapUsers(about)]),
  ],
  abortUntil: { step: "ChangeAccounts", part: 0 },
  revertUntil: { step: "ChangeAccounts", part: 0 },
});

/** Where a connector runs alone: its user.map, from the Secret that is mounted there. */
export const mapAccounts = (secret: string, on: Part["on"]): Part => ({
  ...mapPart({ site: "", secret }),
  on,
});

/**
 * Of a node whose composite is gone: a line that names it still lets nobody in. Where the database lacks an account of the
 * Secret that is mounted, somebody has changed that meanwhile, and the walk over accounts brings both afterwards.
 */
export const mapOwnService = (on: Part["on"]): Part => ({
  what: "user.map leads applications to the service that the site has by itself",
  on,
  run: [
    { when: "its line names the composite still", effect: ({ node }) => safely(node, ["accounts", "map"]) },
  ],
  done: ({ node }, look) =>
    knowing(look.facts.get(node.name, accountsState), `the accounts of ${node.name}`, ({ database, map }) =>
      doneIf(map || !database, `user.map of ${node.name} is not what it should be`),
    ),
  stallSeconds: 600,
});

const mapUsers = (about: Accounts): Step => ({
  n: 2,
  id: "MapUsers",
  title: "Let the connectors know",
  condition: "UsersMapped",
  undo: "Put the Secret back: its former content is brought the same way.",
  parts: [mapPart(about)],
});

const mapPart = (about: Accounts): Part =>
  act(about, "map", {
    what: "user.map holds the application account and every further user; the connector takes it over by itself",
    when: "a line is missing, or one is left",
    has: ({ map }) => map,
    lacks: "user.map is not what the Secret says",
  });

/** What was good before is good no more. */
export const settleAccounts = (about: Accounts): Procedure => ({
  ...plain,
  name: "SettleAccounts",
  revision: 1,
  steps: [
    {
      n: 1,
      id: "SettleAccounts",
      title: "End former passwords, and drop users that the Secret does not name",
      condition: "AccountsSettled",
      undo: "Put the Secret back: its former content is brought the same way.",
      parts: [
        act(about, "settle", {
          what: "no account takes a former password, and no user that was made here is left over",
          when: "something of before is left",
          has: ({ database, map, settled }) => database && map && settled,
          lacks: "something of before is left",
        }),
      ],
    },
  ],
  abortUntil: { step: "SettleAccounts", part: 0 },
  revertUntil: { step: "SettleAccounts", part: 0 },
});
