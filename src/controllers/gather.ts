/** Gathers facts: one exec per node carries all questions of a pass; what cannot be asked becomes a reason, never a value. */
import type { Answer, Ask, Copies, Facts, Known } from "../tungsten/facts.ts";
import { factsFrom } from "../tungsten/facts.ts";
import { encodeQueries, observeArguments, readRefusal, readReply } from "../tungsten/runner.ts";
import { measure } from "./checksum.ts";
import type { PodRef, Shell } from "./shell.ts";

/** Where the nodes of a pass are: pods by node name, and how to list what the run copied off them. */
export type Surroundings = {
  readonly pods: ReadonlyMap<string, PodRef>;
  readonly copies: () => Promise<Copies>;
  /** Whose questions are remembered, and for which place of its procedure. Left out where they are always the same. */
  readonly about?: { readonly uid: string; readonly place: string };
};

/** Where nothing was copied off the nodes: only they are asked. */
export const onlyNodes = (pods: ReadonlyMap<string, PodRef>): Surroundings => ({
  pods,
  copies: async () => new Map<string, string>(),
});

/** A judgement may ask more once it knows more; beyond this many rounds in one pass it has to wait for the next. */
const maxRounds = 4;

/** What was learnt so far in one pass; later questions add to it. */
export type Gathered = {
  readonly answers: Map<string, Map<string, Answer>>;
  copies: Known<Copies> | undefined;
};

export const nothingGathered = (): Gathered => ({ answers: new Map(), copies: undefined });

/**
 * Evaluates a pure decision over facts of this pass only. What the last pass asked is asked at once, so that one
 * session a node usually carries all.
 */
export async function withFacts<T>(
  shell: Shell,
  around: Surroundings,
  decide: (facts: Facts) => T,
): Promise<T> {
  const { decided, asked } = await gatherFor(
    shell,
    around,
    nothingGathered(),
    rememberedAsks(shell, around),
    decide,
  );
  rememberAsks(shell, around, asked);
  return decided;
}

/** What the last pass at this place asked. */
export function rememberedAsks(shell: Shell, { about }: Surroundings): readonly Ask[] {
  const last = about && shell.questions.get(about.uid);
  return last !== undefined && last.place === about?.place ? last.asks : [];
}

export function rememberAsks(shell: Shell, { about }: Surroundings, asks: readonly Ask[]): void {
  if (about !== undefined) shell.questions.set(about.uid, { place: about.place, asks });
}

/** Asks what is expected to be needed, then evaluates, gathering what is asked for, until nothing new is asked. */
export async function gatherFor<T>(
  shell: Shell,
  around: Surroundings,
  gathered: Gathered,
  expected: readonly Ask[],
  decide: (facts: Facts) => T,
): Promise<{ readonly decided: T; readonly asked: readonly Ask[] }> {
  if (expected.length > 0) await ask(shell, around, gathered.answers, expected);
  for (let round = 0; ; round += 1) {
    const facts = factsFrom(gathered.answers, gathered.copies);
    const decided = decide(facts);
    const wanted = facts.wanted();
    if ((wanted.asks.length === 0 && !wanted.copies) || round === maxRounds)
      return { decided, asked: facts.asked() };
    const listed = wanted.copies ? listCopies(shell, around) : undefined;
    await ask(shell, around, gathered.answers, wanted.asks);
    if (listed !== undefined) gathered.copies = await listed;
  }
}

/** What a node says of its time is worth no more than the round trip took: it is asked in a session of its own, first. */
const isTimed = ({ query }: Ask): boolean => query.argv[0] === "clock";

/** One session a node, but for its time; all nodes side by side. */
async function ask(
  shell: Shell,
  { pods }: Surroundings,
  answers: Map<string, Map<string, Answer>>,
  asks: readonly Ask[],
): Promise<void> {
  await Promise.all(
    [...byNode(asks)].map(async ([node, questions]) => {
      const known = answers.get(node) ?? new Map<string, Answer>();
      answers.set(node, known);
      const sessions = [questions.filter(isTimed), questions.filter((each) => !isTimed(each))];
      for (const session of sessions.filter((each) => each.length > 0))
        for (const [id, answer] of await askNode(shell, pods.get(node), node, session)) known.set(id, answer);
    }),
  );
}

async function listCopies(shell: Shell, around: Surroundings): Promise<Known<Copies>> {
  try {
    return { known: await around.copies(), at: shell.clock.now() };
  } catch (error) {
    const why = `the Secrets of this run cannot be listed: ${String(error)}`;
    shell.log.warn(why);
    return { unknown: why };
  }
}

function byNode(asks: readonly Ask[]): Map<string, Ask[]> {
  const grouped = new Map<string, Ask[]>();
  for (const ask of asks) {
    const list = grouped.get(ask.node);
    if (list === undefined) grouped.set(ask.node, [ask]);
    else list.push(ask);
  }
  return grouped;
}

/** Asks one node all its questions in one session. Query ids on the wire are short; the answers carry the facts' own. */
export async function askNode(
  shell: Shell,
  pod: PodRef | undefined,
  node: string,
  asks: readonly Ask[],
): Promise<ReadonlyMap<string, Answer>> {
  if (pod === undefined) return allMissing(asks, `node ${node} has no running pod`);
  const payload = encodeQueries(asks.map((ask, index) => ({ id: `q${index}`, argv: ask.query.argv })));
  const { bytes, sha256 } = measure(payload);
  const asked = shell.clock.now();
  const outcome = await shell.pods.exec(pod, observeArguments(pod.uid, bytes, sha256), payload);
  shell.meters.execRound(outcome.kind);
  if (outcome.kind !== "exited") return allMissing(asks, `exec into ${node} ${outcome.kind}: ${outcome.why}`);
  const refusal = readRefusal(outcome.code);
  if (refusal !== null) return allMissing(asks, `the runner of ${node} refused: ${refusal}`);
  const reply = readReply(outcome.stdout);
  if ("unreadable" in reply)
    return allMissing(asks, `the reply of ${node} is unreadable: ${reply.unreadable}`);
  const at = shell.clock.now();
  return new Map(
    asks.map((ask, index) => {
      const output = reply.read.outputs.get(`q${index}`);
      return [
        ask.query.id,
        output === undefined ? { missing: `${node} did not answer` } : { output, at, asked },
      ];
    }),
  );
}

const allMissing = (asks: readonly Ask[], missing: string): ReadonlyMap<string, Answer> =>
  new Map(asks.map((ask) => [ask.query.id, { missing }]));
