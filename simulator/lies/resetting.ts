/** Lies of `trepctl reset`: what it does not do, and what cannot be seen afterwards. */
import { strike } from "../faults.ts";
import type { Lie } from "./lie.ts";
import { feed, schema } from "./recipes.ts";
import type { Stage } from "./stage.ts";

const tool = "trepctl reset";
const yes = (is: boolean): string => (is ? "yes" : "no");

const offline = (s: Stage): void => {
  s.cross("london-0", "trepctl -service nyc offline");
  s.wait(3);
};
const truth = (s: Stage): boolean => typeof s.host("london-0").mysql.schemas.get(schema) !== "object";
const looked = (s: Stage): boolean => s.commit("london-0", schema) === null;

export const resetLies: readonly Lie[] = [
  {
    name: "reset-without-yes",
    tool,
    cites: ["observed §3.2", "cli §1.5"],
    lie: "`reset -all` asks, and with anything but `yes` does nothing and exits 0.",
    asks: "is the position gone?",
    naive: "takes exit 0 of reset",
    careful: "reads the tracking table",
    show(s) {
      offline(s);
      const said = s.cross("london-0", "trepctl -service nyc reset -all", "y\n");
      return { said, truth: yes(truth(s)), naive: yes(said.code === 0), careful: yes(looked(s)) };
    },
  },
  {
    name: "reset-y-first",
    tool,
    cites: ["cli §1.5"],
    lie: "`reset -y -all` still asks: only `-all -y` answers for itself. Exit 0 all the same.",
    asks: "is the position gone?",
    naive: "takes exit 0 of reset with -y",
    careful: "reads the tracking table",
    show(s) {
      offline(s);
      const said = s.cross("london-0", "trepctl -service nyc reset -y -all");
      return { said, truth: yes(truth(s)), naive: yes(said.code === 0), careful: yes(looked(s)) };
    },
  },
  {
    name: "reset-without-database",
    tool,
    cites: ["cli §1.5"],
    lie: "With MySQL down `reset -all -y` deletes the log, leaves the tables and exits 0.",
    asks: "is the position gone?",
    naive: "takes exit 0 of reset",
    careful: "reads the tracking table",
    show(s) {
      offline(s);
      strike(s.world, "mysql-down", "london-0");
      const said = s.cross("london-0", "trepctl -service nyc reset -all -y");
      strike(s.world, "mysql-up", "london-0");
      return { said, truth: yes(truth(s)), naive: yes(said.code === 0), careful: yes(looked(s)) };
    },
  },
  {
    name: "after-reset-as-before",
    tool,
    cites: ["observed §3.2"],
    lie: "After a reset the service is listed as before, OFFLINE:NORMAL, positions blank: nothing shows that it lost its place.",
    asks: "can the feed go on from where it was?",
    naive: "sees OFFLINE:NORMAL and no error",
    careful: "wants a commit row",
    show(s) {
      offline(s);
      s.cross("london-0", "trepctl -service nyc reset -all -y");
      const said = s.cross("london-0", "trepctl services");
      const fields = s.status("london-0", feed);
      return {
        said,
        line: "state ",
        truth: yes(!truth(s)),
        naive: yes(fields?.state === "OFFLINE:NORMAL" && fields.pendingError === "NONE"),
        careful: yes(!looked(s)),
      };
    },
  },
];
