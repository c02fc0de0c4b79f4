/** What a server of transactions answers to a reader that comes to it: the epochs at one seqno are compared, nothing else. */
import type { LogEnds, Standing } from "./outside.ts";

const handshakeFailure = "Client handshake failure: Client response validation failed:";

/** What a server's log answers to a client at (seqno, epoch); null accepts. `epochAt` is asked for one seqno. */
export function refusalOf(
  ends: LogEnds,
  epochAt: (seqno: number) => number | undefined,
  standing: Standing,
  master: string,
  client: string,
): string | null {
  if (ends === null) return null;
  const { seqno, epoch, force } = standing;
  const min = ends.first.seqno;
  const ids = `master source ID=${master} client source ID=${client}`;
  if (seqno < 0)
    return min === 0
      ? null
      : `Connector handler terminated by THL exception: Log seek failure: expected seqno=0 found seqno=${min}`;
  const there = epochAt(seqno);
  if (there === undefined)
    return seqno + 1 === min
      ? null
      : `${handshakeFailure} Master log does not contain requested transaction: ${ids} requested seqno=${seqno} client epoch number=${epoch} master min seqno=${min} master max seqno=${ends.last.seqno}`;
  if (force || there === epoch) return null;
  return `${handshakeFailure} Log epoch numbers do not match: ${ids} seqno=${seqno} server epoch number=${there} client epoch number=${epoch}`;
}

/** An empty log accepted anybody; what it holds since may begin behind what the reader needs next. */
export const gapRefusal = (standing: Standing, first: number, refusal: string | null): string | null =>
  standing.seqno + 1 < first
    ? (refusal ?? `Log seek failure: expected seqno=${standing.seqno + 1} found seqno=${first}`)
    : null;
