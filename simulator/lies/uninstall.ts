/** Lies of `tpm uninstall`: what it takes along, what it leaves, and what its silence and its noise do not mean. */
import { strike } from "../faults.ts";
import type { Lie } from "./lie.ts";
import { feed, schema, stopAtHeartbeat } from "./recipes.ts";

const tool = "tpm uninstall";
const yes = (is: boolean): string => (is ? "yes" : "no");
const uninstall = "tpm uninstall --i-am-sure";

export const uninstallLies: readonly Lie[] = [
  {
    name: "uninstall-says-nothing",
    tool,
    cites: ["conversion §2"],
    lie: "It removes everything and prints not a word on stdout.",
    asks: "is the product gone?",
    naive: "waits for `successfully completed`",
    careful: "looks for the tree and its link",
    show(s) {
      const said = s.cross("london-0", uninstall);
      return {
        said,
        truth: yes(s.host("london-0").volume.installed.crossSite === undefined),
        naive: yes(said.out.includes("successfully completed")),
        careful: yes(/^link=$/m.test(s.look("london-0", "installed crossSite").out)),
      };
    },
  },
  {
    name: "noise-on-success",
    tool,
    cites: ["conversion §2"],
    lie: "On success it writes two lines of errors on stderr: the directory it stood in is gone.",
    asks: "did the uninstall fail?",
    naive: "takes text on stderr for a failure",
    careful: "takes the exit code, then looks",
    show(s) {
      const said = s.cross("london-0", uninstall);
      return {
        said,
        truth: yes(s.host("london-0").volume.installed.crossSite !== undefined),
        naive: yes(said.err !== ""),
        careful: yes(said.code !== 0 || !/^link=$/m.test(s.look("london-0", "installed crossSite").out)),
      };
    },
  },
  {
    name: "database-stays-tables-go",
    tool,
    cites: ["conversion §2", "cli §0.6"],
    lie: "It drops the tracking tables, without a word, and leaves the empty database standing.",
    asks: "is the position still there?",
    naive: "finds tungsten_nyc in SHOW DATABASES",
    careful: "reads the commit row",
    show(s) {
      stopAtHeartbeat(s, "stop_1");
      s.cross("london-0", uninstall);
      const said = s.cross("london-0", "mysql -e 'SHOW DATABASES'");
      return {
        said,
        line: schema,
        truth: yes(typeof s.host("london-0").mysql.schemas.get(schema) === "object"),
        naive: yes(said.out.includes(schema)),
        careful: yes(s.commit("london-0", schema) !== null),
      };
    },
  },
  {
    name: "read-only-cleared",
    tool,
    cites: ["conversion §2", "cli §0.6"],
    lie: "On a replica it sets read_only to 0 and leaves it so; it says nothing of it.",
    asks: "is the replica protected from writes?",
    naive: "knows it was read_only before",
    careful: "keeps the value, asks again, puts it back",
    show(s) {
      const before = s.look("london-1", "sql read-only").out.trim();
      const said = s.cross("london-1", uninstall);
      return {
        said,
        truth: yes(s.host("london-1").mysql.readOnly),
        naive: yes(before === "1"),
        careful: yes(s.look("london-1", "sql read-only").out.trim() === "1"),
      };
    },
  },
  {
    name: "again-after-success",
    tool,
    cites: ["conversion §2"],
    lie: "A second run after a success can only fail: the directory is gone.",
    asks: "is the product gone?",
    naive: "takes the failure for not uninstalled",
    careful: "tests for the tungsten link",
    show(s) {
      s.cross("london-0", uninstall);
      const said = s.cross("london-0", uninstall);
      return {
        said,
        truth: yes(s.host("london-0").volume.installed.crossSite === undefined),
        naive: yes(said.code === 0),
        careful: yes(/^link=$/m.test(s.look("london-0", "installed crossSite").out)),
      };
    },
  },
  {
    name: "failed-and-left-running",
    tool,
    cites: ["conversion §2"],
    lie: "With MySQL down it fails after half a minute and removes nothing; the replicator it started runs on.",
    asks: "is everything as before, the replicator stopped?",
    naive: "takes exit 1 for nothing done",
    careful: "asks for the replicator's process",
    show(s) {
      s.cross("london-0", "replicator stop");
      strike(s.world, "mysql-down", "london-0");
      const said = s.cross("london-0", `${uninstall} --tty`);
      return {
        said,
        line: "ERROR",
        truth: yes(s.host("london-0").replicators.crossSite === undefined),
        naive: yes(said.code !== 0),
        careful: yes(s.look("london-0", "replicator crossSite status").code !== 0),
      };
    },
  },
  {
    name: "killed-half-way",
    tool,
    cites: ["conversion §2"],
    lie: "Killed half way the tree stands and the link points at it; the tables are gone, the replicator runs.",
    asks: "may the feed go online as if nothing was?",
    naive: "finds the product installed",
    careful: "wants a commit row first",
    show(s) {
      stopAtHeartbeat(s, "stop_1");
      s.begin("london-0", uninstall);
      s.wait(4);
      strike(s.world, "kill-tools", "london-0");
      const said = s.cross("london-0", "trepctl services");
      const link = s.look("london-0", "installed crossSite").out;
      const careful = yes(s.commit("london-0", schema) !== null);
      s.cross("london-0", "trepctl -service nyc online");
      s.wait(30);
      const twice = [...s.host("london-0").mysql.rows].some(([tx, n]) => tx.startsWith("nyc:") && n > 1);
      return { said, line: "state ", truth: yes(!twice), naive: yes(!/^link=$/m.test(link)), careful };
    },
  },
  {
    name: "installed-and-silent",
    tool,
    cites: ["conversion §1", "conversion §2"],
    lie: "The install that follows exits 0, says `Configuration is now complete` and starts nothing.",
    asks: "does london get nyc's writes?",
    naive: "reads `Configuration is now complete`",
    careful: "asks for the service's state",
    show(s) {
      s.cross("london-0", uninstall);
      const said = s.cross("london-0", "tpm install --tty");
      return {
        said,
        line: "Configuration is now complete",
        truth: yes(s.host("london-0").replicators.crossSite?.services.get(feed)?.state === "ONLINE"),
        naive: yes(said.code === 0 && said.out.includes("Configuration is now complete")),
        careful: yes(s.status("london-0", feed)?.state === "ONLINE"),
      };
    },
  },
];
