/** multi_trepctl list: asks the hosts of a site over ssh, names those it cannot reach, and exits 0. Transcripts multi_trepctl-*. */
import { type Host, hostsOf, reaches, type World } from "../model.ts";
import { statusOf } from "../tools/status.ts";
import { ok, quick } from "../tools/tool.ts";
import { onHost } from "../virtual.ts";

const columns = ["host", "servicename", "role", "state", "appliedlastseqno", "appliedlatency"];
/** Columns from here on are numbers, aligned to the right. */
const firstNumber = 4;

const noSsh = (name: string): string =>
  `ERROR >> Net::SSH was unable to connect to ${name} as tungsten.  Check that ${name} is online, tungsten exists and your SSH private keyfile or ssh-agent settings. Try adding --net-ssh-option=port=<SSH port number> if you are using an SSH port other than 22.  Review http://docs.continuent.com/helpwithsshandtpm for more help on diagnosing SSH problems.`;

export const multiTrepctl = quick(({ world, host }) => {
  const all = hostsOf(world, host.site);
  const near = all.filter((peer) => reaches(world, host, peer));
  const rows = [columns, ...near.flatMap((peer) => rowsOf(world, peer))];
  const widths = columns.map((_, index) => Math.max(...rows.map((row) => row[index]?.length ?? 0)));
  const padded = (cell: string, index: number, heading: boolean): string =>
    heading || index < firstNumber ? cell.padEnd(widths[index] ?? 0) : cell.padStart(widths[index] ?? 0);
  const table = rows.map(
    (row, at) => `| ${row.map((cell, index) => padded(cell, index, at === 0)).join(" | ")} |`,
  );
  const missed = all.filter((peer) => !near.includes(peer)).map(({ name }) => noSsh(name));
  return ok([...missed, ...table, ""].join("\n"));
});

const rowsOf = (world: World, peer: Host): readonly string[][] =>
  Object.values(peer.replicators).flatMap(({ services }) =>
    [...services.values()].map((service) => {
      const fields = onHost(world, peer, statusOf(world, peer, service));
      const { role = "", state = "", appliedLastSeqno = "" } = fields;
      return [
        peer.name,
        service.name,
        role,
        state,
        appliedLastSeqno,
        Number(fields.appliedLatency).toFixed(3),
      ];
    }),
  );
