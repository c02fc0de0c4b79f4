/** All lies in the order of the table, and those that only a document tells. */
import { daemonLies } from "./daemons.ts";
import { dumpLies } from "./dumps.ts";
import { forcingLies } from "./forcing.ts";
import { goingLies } from "./going.ts";
import { type Lie, tools, type Untold } from "./lie.ts";
import { logLies } from "./logs.ts";
import { managerLies } from "./managers.ts";
import { readingLies } from "./reading.ts";
import { replicationLies } from "./replication.ts";
import { resetLies } from "./resetting.ts";
import { standingLies } from "./standing.ts";
import { stoppingLies } from "./stopping.ts";
import { tpmLies } from "./tpm.ts";
import { uninstallLies } from "./uninstall.ts";

const known: readonly Lie[] = [
  ...daemonLies,
  ...goingLies,
  ...forcingLies,
  ...readingLies,
  ...standingLies,
  ...stoppingLies,
  ...replicationLies,
  ...resetLies,
  ...logLies,
  ...dumpLies,
  ...tpmLies,
  ...uninstallLies,
  ...managerLies,
];

export const lies: readonly Lie[] = tools.flatMap((tool) => known.filter((lie) => lie.tool === tool));

export const untold: readonly Untold[] = [
  {
    cites: "cli §0.10",
    lie: "switch and recover set the policy to MAINTENANCE and back by themselves, as tpm update does.",
    why: "switch does so here, but no recovery is simulated; no output of either was ever recorded.",
  },
  {
    cites: "cli §0.12",
    lie: "tprovision -c means --create-master, where the older tool's letters meant something else.",
    why: "the older tool is simulated with the long options of its reset page only.",
  },
  {
    cites: "observed §2.3",
    lie: "A # in a password is kept by the ini and breaks tpm's own checks of the database.",
    why: "the password never reaches the simulated MySQL.",
  },
  {
    cites: "observed §2.2",
    lie: "[us-east@host] is not recognised as host-specific, because of the dash, and becomes a data service.",
    why: "the estate has one ini for all hosts; host-specific sections are not read here.",
  },
  {
    cites: "observed §2.2",
    lie: "Every file of the pattern tungsten*.ini is read: a copy left beside the real one counts.",
    why: "a simulated host has one ini.",
  },
  {
    cites: "observed §2.5",
    lie: "thl-port is the port a service listens on, and the one it dials: changed on one host, that host dials in vain.",
    why: "ports are fixed here.",
  },
  {
    cites: "conversion §2",
    lie: "After an uninstall the install directory stands, and the lines in the profile: a test for either finds the product.",
    why: "a simulated volume holds products, logs and files, no directories.",
  },
  {
    cites: "conversion §1, conversion §2",
    lie: "The first line of a MariaDB dump is refused by MySQL's client; an uninstall reads the ini of today, not of the installation.",
    why: "inferred by the people who rehearsed it, never seen.",
  },
];
