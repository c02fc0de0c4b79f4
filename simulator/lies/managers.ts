/** Lies of cctrl, of aliases, and of tools that ask many hosts. */
import { setMysql } from "../site.ts";
import type { Lie } from "./lie.ts";

const tool = "cctrl and the rest";
const yes = (is: boolean): string => (is ? "yes" : "no");

export const managerLies: readonly Lie[] = [
  {
    name: "cctrl-exit-0",
    tool,
    cites: ["cli §0.7"],
    lie: "cctrl exits 0 at the end of its input, whatever its commands came to.",
    asks: "is the policy MAINTENANCE?",
    naive: "takes exit 0 of cctrl",
    careful: "reads the policy back with ls",
    stage: { policy: "AUTOMATIC" },
    show(s) {
      const said = s.cluster("nyc-0", "cctrl", "set policy maintainance\n");
      return {
        said,
        line: "Exception",
        truth: yes(s.world.sites.get("nyc")?.policy === "MAINTENANCE"),
        naive: yes(said.code === 0),
        careful: yes(/:MAINTENANCE:/.test(s.look("nyc-0", "cctrl ls").out)),
      };
    },
  },
  {
    name: "cctrl-without-manager",
    tool,
    cites: ["cli §0.7"],
    lie: "With no manager to talk to it exits 0 too.",
    asks: "is the policy MAINTENANCE?",
    naive: "takes exit 0 of cctrl",
    careful: "wants COORDINATOR in the answer of ls",
    stage: { policy: "AUTOMATIC" },
    show(s) {
      for (const host of ["nyc-0", "nyc-1"]) s.cluster(host, "manager stop");
      const said = s.cluster("nyc-0", "cctrl", "set policy maintenance\n");
      return {
        said,
        truth: yes(s.world.sites.get("nyc")?.policy === "MAINTENANCE"),
        naive: yes(said.code === 0),
        careful: yes(/COORDINATOR\[.*:MAINTENANCE:/.test(s.look("nyc-0", "cctrl ls").out)),
      };
    },
  },
  {
    name: "policy-of-one-site",
    tool,
    cites: ["cli §0.7", "cli §2.4"],
    lie: "`policy mode is now MAINTENANCE` is true of the data service of that host, not of the estate.",
    asks: "will no manager of the estate fail over?",
    naive: "reads `policy mode is now MAINTENANCE`",
    careful: "reads the policy of every site",
    stage: { policy: "AUTOMATIC" },
    show(s) {
      const said = s.cluster("nyc-0", "cctrl", "set policy maintenance\n");
      const read = ["nyc-0", "london-0"].map((host) => s.look(host, "cctrl ls").out);
      setMysql(s.world, s.host("london-0"), false);
      s.wait(60);
      return {
        said,
        line: "policy mode",
        truth: yes(s.world.sites.get("london")?.primary === "london-0"),
        naive: yes(/policy mode is now MAINTENANCE/.test(said.out)),
        careful: yes(read.every((text) => /:MAINTENANCE:/.test(text))),
      };
    },
  },
  {
    name: "maintenance-of-another",
    tool,
    cites: ["cli §6", "cli §0.10"],
    lie: "`tpm update` sets MAINTENANCE while it runs and the old policy back at its end: what `ls` shows is not ours to rely on.",
    asks: "will no manager of nyc act from now on?",
    naive: "reads MAINTENANCE in ls",
    careful: "sets it by itself once no tpm runs",
    stage: { policy: "AUTOMATIC" },
    show(s) {
      s.begin("nyc-1", "tpm update --replace-release", "cluster");
      s.wait(8);
      const said = s.cluster("nyc-0", "cctrl", "ls\n");
      const tpm = ["nyc-0", "nyc-1"].some((host) => s.look(host, "tpm-processes").out !== "");
      const read = /COORDINATOR\[.*:MAINTENANCE:/.test(said.out);
      s.wait(60);
      return {
        said,
        line: "COORDINATOR",
        truth: yes(s.world.sites.get("nyc")?.policy === "MAINTENANCE"),
        naive: yes(read),
        careful: yes(read && !tpm),
      };
    },
  },
  {
    name: "prompt-eats-a-line",
    tool,
    cites: ["cli §0.8"],
    lie: "An expert command asks, and on a pipe takes the next line for its answer: that command is lost [inferred].",
    asks: "is the policy MAINTENANCE?",
    naive: "piped `expert` and `set policy`, exit 0",
    careful: "reads the policy back with ls",
    stage: { policy: "AUTOMATIC" },
    show(s) {
      const said = s.cluster("nyc-0", "cctrl", "expert\nset policy maintenance\n");
      return {
        said,
        line: "Do you want to continue",
        truth: yes(s.world.sites.get("nyc")?.policy === "MAINTENANCE"),
        naive: yes(said.code === 0 && !/Exception/.test(said.out)),
        careful: yes(/:MAINTENANCE:/.test(s.look("nyc-0", "cctrl ls").out)),
      };
    },
  },
  {
    name: "ls-wraps",
    tool,
    cites: ["cli §0.9"],
    lie: "`ls` wraps long rows: a datasource with a long reason has its state and its progress in two lines.",
    asks: "which datasources does nyc have?",
    naive: "matches one datasource per line",
    careful: "joins the rows of a box first",
    show(s) {
      setMysql(s.world, s.host("nyc-1"), false);
      s.wait(3);
      const said = s.cluster("nyc-0", "cctrl", "ls\n");
      const named = (text: string) =>
        [...text.matchAll(/^\|([\w-]+)\((?:master|slave):.*latency=[\d.]+\)/gm)].map(([, name]) => name);
      const joined = said.out.replace(/\s*\|\n\|(?=THL|latency)/g, " ");
      return {
        said,
        line: "|nyc-1",
        truth: "nyc-0 nyc-1",
        naive: said.out.split("\n").flatMap(named).join(" "),
        careful: named(joined).join(" "),
      };
    },
  },
  {
    name: "alias-is-not-there",
    tool,
    cites: ["cli §0.1"],
    lie: "mm_trepctl of the manual is an alias of interactive shells: in a script it is not found, and prints nothing to grep.",
    asks: "is a cross-site service in error?",
    naive: "pipes mm_trepctl into grep ERROR",
    careful: "runs it by its full path, wants exit 0",
    show(s) {
      s.cross("london-0", "trepctl -service nyc offline");
      setMysql(s.world, s.host("london-0"), false);
      s.wait(2);
      s.cross("london-0", "trepctl -service nyc online");
      const said = s.cross("london-0", "mm_trepctl services");
      return {
        said,
        truth: yes(s.service("london-0", "nyc").state === "OFFLINE:ERROR"),
        naive: yes(said.out.includes("ERROR")),
        careful: yes(s.status("london-0", "nyc")?.state === "OFFLINE:ERROR"),
      };
    },
  },
  {
    name: "hosts-left-out",
    tool,
    cites: ["observed §1", "cli §7"],
    lie: "multi_trepctl exits 0 with the rows it got; a host it could not reach is not among them.",
    asks: "are all services of nyc ONLINE?",
    naive: "finds no row that is not ONLINE, exit 0",
    careful: "wants a row of every host",
    show(s) {
      const peer = s.host("nyc-1");
      peer.up = false;
      const said = s.cluster("nyc-0", "multi_trepctl list");
      const rows = said.out.split("\n").filter((line) => /^\| nyc/.test(line));
      const online = rows.every((row) => row.includes("| ONLINE"));
      const hosts = new Set(rows.map((row) => row.split("|")[1]?.trim()));
      return {
        said,
        truth: yes(peer.up),
        naive: yes(said.code === 0 && online),
        careful: yes(online && hosts.has("nyc-0") && hosts.has("nyc-1")),
      };
    },
  },
];
