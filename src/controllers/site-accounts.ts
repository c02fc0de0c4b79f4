/**
 * Keeps the accounts of a site's Secret equal in its databases and connectors: the two of the installation and the further
 * users. Walks KeepAccounts when a node lacks one, and SettleAccounts when every site of the estate has the new ones.
 */
import type { Ledger } from "../crds/ledger.ts";
import { secretKind } from "../kube/kinds.ts";
import { keepAccounts, settleAccounts } from "../procedures/keep-accounts.ts";
import { siteSecret } from "../topology/names.ts";
import { secretWord } from "../tungsten/accounts.ts";
import { connectorsBehind } from "./connector-view.ts";
import type { KubeObject } from "./shell.ts";
import { decoded } from "./site-secret.ts";
import { isComposite } from "./site-topology.ts";
import { isBehind, type SiteView } from "./site-view.ts";
import {
  admitted,
  beginning,
  nothingToDo,
  pinsFor,
  primariesOf,
  runningLedger,
  spokenSince,
  telling,
  type Work,
  walkOn,
} from "./site-walk.ts";
import type { ClusterPass } from "./tungsten-cluster.ts";

const type = "AccountsCurrent";
const procedures = { KeepAccounts: keepAccounts, SettleAccounts: settleAccounts };
type Name = keyof typeof procedures;

const tell = telling(type);

const runningAccounts = (pass: ClusterPass): Ledger | undefined =>
  runningLedger(pass, "KeepAccounts") ?? runningLedger(pass, "SettleAccounts");

const wordOf = ({ secret }: ClusterPass): string => secretWord(secret.ini, secret.users);

/** Nothing is told of a site that has no further users and no changed password. */
export async function accountsWhenDue(pass: ClusterPass, view: SiteView): Promise<Work> {
  const running = runningAccounts(pass);
  if (running !== undefined) return goOn(pass, view, running);
  const { object, secret, further } = pass;
  const behind = view.nodes.some((each) => isBehind(each, secret.ini));
  const before = object.status?.accounts;
  if (secret.names.length === 0 && before === undefined && !behind) return nothingToDo;
  const kept = { status: { accounts: before } };
  if (view.holder !== "")
    return { ...tell("Unknown", "ProcedureRuns", "a procedure changes the nodes"), ...kept };
  if ("refused" in further)
    return { ...tell("False", "Refused", `TungstenCluster ${further.site}: ${further.refused}`), ...kept };
  return { ...kept, ...(await keptOrBegun(pass, view, behind)) };
}

async function keptOrBegun(pass: ClusterPass, view: SiteView, behind: boolean): Promise<Work> {
  const states = view.nodes.flatMap(({ node, accounts }) => (accounts ? [{ node, ...accounts }] : []));
  const unread = view.nodes.find(({ accounts }) => accounts === undefined);
  if (unread !== undefined)
    return tell("Unknown", "NotRead", `the accounts of ${unread.node.name} cannot be read`);
  const late = states.find(({ secret }) => secret !== wordOf(pass));
  if (late !== undefined)
    return tell(
      "False",
      "Mounting",
      `${late.node.name} does not mount the changed Secret yet; that takes a minute`,
    );
  const lacks = (node: string) => `${node} lacks an account, or has another password for it`;
  const lacking = states.find(({ database }) => !database);
  if (lacking !== undefined) return begin(pass, view, "KeepAccounts", lacks(lacking.node.name));
  const settled = states.every((state) => state.settled);
  const unmapped = states.find(({ map }) => !map);
  // A connector runs its former configuration until the very end of a walk.
  const walks = pass.object.status?.ledger?.phase === "Running";
  const unseen = view.nodes.find(
    ({ cluster, crossSite }) => cluster === undefined || crossSite === undefined,
  );
  const apart = connectorsBehind(pass, view.connectors);
  const current = !behind && unseen === undefined && !walks && unmapped === undefined && apart === undefined;
  const status = { accounts: { secret: wordOf(pass), current, settled } };
  if (unmapped !== undefined) {
    const first = await databasesFirst(pass, view);
    if (first === undefined)
      return { status, ...(await begin(pass, view, "KeepAccounts", lacks(unmapped.node.name))) };
    const message = `its databases have the accounts, its connectors wait: ${first}`;
    return { ...tell("False", "DatabasesFirst", message), status };
  }
  if (behind)
    return {
      ...tell(
        "False",
        "FormerInUse",
        "databases take changed passwords beside the former ones; what tungsten.ini was joined with before is in use until ConfigurationApplied is True",
      ),
      status,
    };
  // Its replicators may still come with what was good before.
  if (unseen !== undefined)
    return {
      ...tell("Unknown", "NotRead", `with which passwords ${unseen.node.name} was installed cannot be read`),
      status,
    };
  if (apart !== undefined)
    return {
      ...tell("False", "ConnectorsFollow", `databases and nodes have the accounts: ${apart}`),
      status,
    };
  if (settled)
    return {
      ...tell(
        "True",
        "Current",
        "every database and connector of the site has the accounts of its Secret, and no others of ours",
      ),
      status,
    };
  const waits = await notEverywhere(pass, view);
  if (waits !== undefined)
    return { ...tell("False", "FormerStillGood", `what was good before is still good: ${waits}`), status };
  return { status, ...(await begin(pass, view, "SettleAccounts", "what was good before is still good")) };
}

/** A site of the estate whose connectors may still come with what was good before; undefined when none may. */
const notEverywhere = (pass: ClusterPass, view: SiteView): Promise<string | undefined> =>
  notYet(pass, view, (told) => told.current === true);

/**
 * In a composite a connector gives its clients to databases of any site: one of which does not take the new passwords yet;
 * undefined where all do.
 */
export const databasesFirst = async (pass: ClusterPass, view: SiteView): Promise<string | undefined> =>
  isComposite(view.topology) ? notYet(pass, view, () => true) : undefined;

async function notYet(
  { shell, estate, site, namespace }: ClusterPass,
  view: SiteView,
  ready: (told: { readonly current?: boolean }) => boolean,
): Promise<string | undefined> {
  const read = async (name: string) =>
    shell.objects.get(secretKind, { namespace: estate.namespace, name: siteSecret(name) });
  const own = await read(site.name);
  const shared = ["users", ...(isComposite(view.topology) ? rolesInComposite : [])];
  for (const { name } of estate.sites.filter((each) => each.name !== site.name)) {
    const other = await read(name);
    if (shared.some((key) => valueIn(own, key) !== valueIn(other, key)))
      return `site ${name} has not taken the changed Secret up yet`;
    const told = namespace.clusters.get(name)?.status?.accounts;
    const there = secretWord(valueIn(other, "ini-version"), valueIn(other, "users-version"));
    const quiet = told === undefined && there === secretWord(undefined, undefined);
    if (!quiet && (told?.secret !== there || !ready(told)))
      return `site ${name} has not brought it to all its nodes yet`;
  }
  return undefined;
}

/** There a connector gives its clients to databases of other sites too, and managers look at each other's. */
const rolesInComposite = ["replication-password", "application-password"];
const valueIn = (secret: KubeObject | undefined, key: string): string | undefined =>
  secret && (decoded(secret)[key] || undefined);

const lacksInDatabase = ({ nodes }: SiteView): boolean =>
  nodes.some(({ accounts }) => accounts?.database !== true);

/** Unlike a change of the configuration it restarts nothing, so that a site in trouble gets it too. */
async function begin(pass: ClusterPass, view: SiteView, name: Name, why: string): Promise<Work> {
  const waits = notNow(pass, view) ?? (await admitted(pass));
  if (waits !== undefined) return tell("False", "Waiting", `${why}; not begun yet: ${waits}`);
  return walk(pass, view, name, freshLedger(pass, view, name));
}

function notNow(pass: ClusterPass, view: SiteView): string | undefined {
  if (pass.object.metadata.deletionTimestamp !== undefined) return "the TungstenCluster is being deleted";
  if (pass.spec.proceduresPaused) return "spec.proceduresPaused admits no procedure; clear it";
  const { phase, procedure } = pass.object.status?.ledger ?? {};
  if (phase === "Running") return `${procedure} is at work on the site`;
  if (primariesOf(pass, view) === undefined) return "the primary of a site of the estate is not known";
  return undefined;
}

const freshLedger = (pass: ClusterPass, view: SiteView, name: Name, before?: Ledger): Ledger =>
  beginning(
    pass,
    procedures[name](about(pass)),
    pinsFor(pass, view, { policy: view.policy ?? "", primary: view.primary, before }),
    { secret: wordOf(pass), databasesOnly: String(isComposite(view.topology) && lacksInDatabase(view)) },
  );

const about = (pass: ClusterPass, kept?: Ledger["kept"]) => ({
  site: pass.site.name,
  secret: kept?.secret ?? wordOf(pass),
  databasesOnly: kept?.databasesOnly === "true",
});

/** A Secret that changes in the middle begins the walk anew. */
async function goOn(pass: ClusterPass, view: SiteView, running: Ledger): Promise<Work> {
  const kept = await admitted(pass);
  if (kept !== undefined) return tell("False", "Waiting", kept);
  const name: Name = running.procedure === "SettleAccounts" ? "SettleAccounts" : "KeepAccounts";
  const changed = running.kept.secret !== wordOf(pass);
  const other = procedures[name](about(pass)).revision !== running.revision;
  if (!changed && !other && !spokenSince(pass, running)) return walk(pass, view, name, running);
  pass.shell.events.emit(
    pass.object,
    "Normal",
    "BegunAnew",
    `${name} begins anew: the Secret or the spec has changed`,
  );
  return walk(pass, view, "KeepAccounts", freshLedger(pass, view, "KeepAccounts", running));
}

async function walk(pass: ClusterPass, view: SiteView, name: Name, ledger: Ledger): Promise<Work> {
  const work = await walkOn(pass, view, {
    procedure: procedures[name](about(pass, ledger.kept)),
    ledger,
    condition: type,
    reason: name === "KeepAccounts" ? "Changing" : "Settling",
    ended: { reason: "Brought", message: "" },
  });
  const status = { accounts: pass.object.status?.accounts };
  if (work.ledger?.phase !== "Finished") return { status, ...work };
  // Whether anything of before is left the next look tells.
  const { told } = tell("False", "Looking", "done; every node is looked at once more");
  return { status, ...work, told };
}
