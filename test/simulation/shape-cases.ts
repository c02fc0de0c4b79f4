/** Every recorded output that the simulator has a twin of: how to come to the same situation, and what to run there. */
import { strike } from "../../simulator/faults.ts";
import {
  breakFeed,
  insertPositionAtSource,
  laggard,
  newEpoch,
  stopAtHeartbeat,
  strangers,
} from "../../simulator/lies/recipes.ts";
import { iniText, newStage, quiesce, type Said, type Stage } from "../../simulator/lies/stage.ts";
import { grep } from "./shapes.ts";

type Scene = (s: Stage) => void;
export type Case = readonly [transcript: string, run: (s: Stage) => Said];

/** nyc-1 at a position of an epoch that its rebuilt primary does not know. */
const localStranger: Scene = (s) => {
  newEpoch(s);
  s.cluster("nyc-1", "trepctl offline");
  s.cluster("nyc-0", "trepctl offline");
  s.wait(2);
  s.cluster("nyc-0", "trepctl -service nyc reset -all -y");
  s.cluster("nyc-0", "trepctl online");
  s.wait(40);
  s.cluster("nyc-1", "trepctl online");
  s.wait(6);
};
const offline: Scene = (s) => {
  s.cluster("nyc-1", "trepctl offline");
  s.wait(3);
};
const sourceStopped: Scene = (s) => {
  s.cluster("nyc-0", "replicator stop");
  s.wait(14);
};
const freshWithoutSource: Scene = (s) => {
  s.cluster("nyc-0", "replicator stop");
  s.cluster("nyc-1", "trepctl offline");
  s.wait(2);
  s.cluster("nyc-1", "trepctl -service nyc reset -all -y");
  s.cluster("nyc-1", "trepctl online");
  s.wait(5);
};
const armed: Scene = (s) =>
  void s.cross("london-1", "trepctl -service nyc offline-deferred -at-heartbeat offline_for_upg");
const stopped: Scene = (s) => stopAtHeartbeat(s, "offline_for_upg");
const crossStranger: Scene = (s) => {
  strangers(s);
  s.cross("london-0", "trepctl -service nyc online");
  s.wait(30);
};
const behindItsRelay: Scene = (s) => {
  laggard(s);
  s.cross("london-1", "trepctl -service nyc online");
  s.wait(30);
};
const emptyRelay: Scene = (s) => {
  s.cross("london-1", "trepctl -service nyc offline");
  s.wait(3);
  quiesce(s);
  for (const line of ["offline", "reset -thl -y", "online"]) {
    s.cross("london-0", `trepctl -service nyc ${line}`);
    s.wait(4);
  }
  s.cross("london-1", "trepctl -service nyc reset -thl -y");
  s.cross("london-1", "trepctl -service nyc online");
  s.wait(6);
};
const duplicate: Scene = (s) => {
  insertPositionAtSource(s);
  s.wait(120);
};
const down: Scene = (s) => void s.cluster("nyc-0", "replicator stop");
const justStarted: Scene = (s) => {
  s.cluster("nyc-1", "replicator stop");
  s.cluster("nyc-1", "replicator start");
};
const freshOffline: Scene = (s) => {
  s.cluster("nyc-0", "replicator stop");
  s.cluster("nyc-0", "replicator start offline");
  s.wait(4);
};
const primaryReset: Scene = (s) => {
  s.cluster("nyc-0", "trepctl offline");
  s.wait(2);
  s.cluster("nyc-0", "trepctl -service nyc reset -all -y");
};
const withoutDatabase: Scene = (s) => {
  strike(s.world, "mysql-down", "nyc-0");
  s.wait(20);
};
const recovering: Scene = (s) => {
  strike(s.world, "service-error", "london-0");
  s.wait(2);
};
const wiped: Scene = (s) => {
  breakFeed(s, "london-0");
  s.cross("london-0", "trepctl -service nyc offline-deferred -at-heartbeat hb_b");
};
const logBehind: Scene = (s) => {
  primaryReset(s);
  s.cluster("nyc-0", "trepctl online");
  s.wait(8);
  for (const line of ["trepctl offline", "trepctl -service nyc reset -thl -y", "trepctl online"]) {
    s.cluster("nyc-0", line);
    s.wait(4);
  }
  s.cluster("nyc-1", "trepctl offline");
  s.wait(2);
  s.cluster("nyc-1", "trepctl -service nyc reset -all -y");
  s.cluster("nyc-1", "trepctl online");
  s.wait(8);
};
const withoutIni: Scene = (s) => {
  s.host("london-0").volume.ini = null;
};
const badTopology: Scene = (s) => {
  s.host("london-0").volume.ini = `${iniText}\n[paris]\ntopology=cluster-slav\n`;
};
const noSource: Scene = (s) => {
  for (const host of ["nyc-0", "nyc-1"]) s.cluster(host, "replicator stop");
  s.cross("london-0", "replicator stop");
  s.cross("london-0", "replicator start");
  s.host("london-0").volume.thl.delete("crossSite/nyc");
  s.wait(8);
};
const itself: Scene = (s) => {
  offline(s);
  s.cluster("nyc-1", "trepctl -service nyc reset -all -y");
  s.cluster("nyc-1", "trepctl setrole -role slave -uri thl://nyc-1:2112/");
  s.cluster("nyc-1", "trepctl online");
  s.wait(13);
};
/** tokyo reads from two sites; what comes of nyc is gone, of london there never was any. */
const twoFeeds: Scene = (s) => {
  s.world.cuts.add("nyc|tokyo").add("london|tokyo");
  s.wait(2);
  s.cross("tokyo-0", "trepctl -service nyc offline");
  s.wait(2);
  s.cross("tokyo-0", "trepctl -service nyc reset -all -y");
  s.cross("tokyo-0", "trepctl -service nyc online");
  s.wait(2);
};
const threeSites = { sites: ["london", "nyc", "tokyo"] };
const nothing: Scene = () => {};

/** Several lines run one after the other, as some transcripts were made. */
const inTurn =
  (...runs: readonly ((s: Stage) => Said)[]) =>
  (s: Stage): Said => {
    const all = runs.map((run) => run(s));
    return { line: "", code: all.at(-1)?.code ?? 0, err: "", out: all.map(({ out }) => out).join("") };
  };
const printed = (out: string) => (): Said => ({ line: "", code: 0, out, err: "" });

const nyc =
  (host: string) =>
  (line: string, scene: Scene = nothing, stdin = "") =>
  (s: Stage): Said => {
    scene(s);
    return s.cluster(host, line, stdin);
  };
const [primary, replica] = [nyc("nyc-0"), nyc("nyc-1")];
const london =
  (host: string) =>
  (line: string, scene: Scene = nothing) =>
  (s: Stage): Said => {
    scene(s);
    return s.cross(host, line);
  };
const [reader, second] = [london("london-0"), london("london-1")];
const [states, offlineKeys] = [/state |Seqno|Epoch|pend/, /offlineRequests|state |appliedLast/];
const greppedFrom =
  (run: (s: Stage) => Said, pattern: RegExp) =>
  (s: Stage): Said =>
    grep(run(s), pattern);

/** Outputs of lines. */
export const texts: readonly Case[] = [
  ["trepctl-status-master", primary("trepctl status")],
  ["trepctl-services-full", primary("trepctl services -full")],
  ["trepctl-status-slave", replica("trepctl status")],
  ["trepctl-services-slave", replica("trepctl services")],
  ["trepctl-status-slave-offline", replica("trepctl status", offline)],
  ["trepctl-status-after-deferred-offline", replica("trepctl status", offline)],
  ["trepctl-status-offline-fresh", primary("trepctl status", freshOffline)],
  ["trepctl-services-offline-fresh", primary("trepctl services", freshOffline)],
  ["trepctl-services-after-reset", primary("trepctl services", primaryReset)],
  ["trepctl-status-epoch-mismatch", replica("trepctl status", localStranger)],
  ["trepctl-services-epoch-mismatch", replica("trepctl services", localStranger)],
  ["trepctl-qs-epoch-mismatch", replica("trepctl qs", localStranger)],
  ["trepctl-status-slave-master-replicator-stopped", replica("trepctl status", sourceStopped)],
  ["trepctl-status-slave-going-online-fresh", replica("trepctl status", freshWithoutSource)],
  ["trepctl-status-master-db-down", primary("trepctl status", withoutDatabase)],
  ["trepctl-status-replicator-down", primary("trepctl status", down)],
  ["trepctl-status-json-replicator-down", primary("trepctl status -json", down)],
  ["trepctl-services-replicator-down", primary("trepctl services", down)],
  ["trepctl-services-replicator-down-retry0", primary("trepctl -retry 0 services", down)],
  ["trepctl-qs-replicator-down", primary("trepctl -retry 0 qs", down)],
  ["trepctl-services-just-after-replicator-start", replica("trepctl -retry 0 services", justStarted)],
  ["trepctl-status-replicator-running-no-such-service", primary("trepctl -service nosuch status")],
  ["trepctl-status-two-services-nosuch", primary("trepctl -service nosuch status")],
  ["trepctl-offline-two-services-nosuch", primary("trepctl -service nosuch offline")],
  ["trepctl-online-already", primary("trepctl online")],
  ["trepctl-online", primary("trepctl online", primaryReset)],
  ["trepctl-online-slave", replica("trepctl online", offline)],
  ["trepctl-online-until-heartbeat", replica("trepctl online -until-heartbeat HB3", offline)],
  ["trepctl-offline", primary("trepctl offline")],
  ["trepctl-offline-already", replica("trepctl offline", offline)],
  ["trepctl-offline-deferred-when-offline", replica("trepctl offline-deferred -at-heartbeat HB9", offline)],
  ["trepctl-heartbeat", primary("trepctl heartbeat -name HB1")],
  ["trepctl-heartbeat-on-slave", replica("trepctl heartbeat -name HBX")],
  ["trepctl-heartbeat-db-down", primary("trepctl heartbeat -name X", withoutDatabase)],
  ["trepctl-wait-state", replica("trepctl wait -state ONLINE -limit 10")],
  ["trepctl-wait-state-timeout", replica("trepctl wait -state OFFLINE -limit 3")],
  ["trepctl-wait-applied", replica("trepctl wait -applied 3 -limit 3")],
  ["trepctl-wait-applied-timeout", replica("trepctl wait -applied 9999 -limit 3")],
  ["trepctl-bad-command", replica("trepctl frobnicate")],
  ["trepctl-version", replica("trepctl version")],
  ["trepctl-qs", replica("trepctl qs", offline)],
  ["trepctl-qs-online", replica("trepctl qs")],
  ["trepctl-reset-all", primary("trepctl -service nyc reset -all -y", primaryReset)],
  ["trepctl-reset-all-slave", replica("trepctl -service nyc reset -all -y", offline)],
  ["trepctl-reset-thl", replica("trepctl -service nyc reset -thl -y", offline)],
  ["trepctl-reset-all-while-online", primary("trepctl -service nyc reset -all -y")],
  ["trepctl-reset-without-y", replica("trepctl -service nyc reset -all", offline, "n\n")],
  ["cluster-slave-trepctl-status-online", reader("trepctl status")],
  ["cluster-slave-trepctl-status", reader("trepctl -service nyc status", noSource)],
  ["cluster-slave-trepctl-services", reader("trepctl services", noSource)],
  ["thl-no-such-service", primary("thl -service nosuch info")],
  ["tpm-validate-bad-topology-tty", reader("tpm validate --tty", badTopology)],
  ["conv-3-uninstall-from-software-dir-without-ini.db3", reader("tpm validate --tty", withoutIni)],
  ["trepctl-status-slave-seqno-not-on-master", greppedFrom(replica("trepctl status", logBehind), states)],
  [
    "trepctl-online-db-down",
    inTurn(
      (s) => {
        primaryReset(s);
        strike(s.world, "mysql-down", "nyc-0");
        s.cluster("nyc-0", "trepctl online");
        const said = s.cluster("nyc-0", "trepctl online");
        s.wait(3);
        return said;
      },
      greppedFrom(primary("trepctl status"), /state |pend/),
    ),
  ],
  [
    "trepctl-wait-before-offline",
    inTurn(
      primary("trepctl offline"),
      greppedFrom(primary("trepctl status"), /state /),
      printed("\n"),
      primary("trepctl wait -state OFFLINE -limit 30"),
      printed("wait_rc=0\n"),
      greppedFrom(primary("trepctl status"), /state /),
    ),
  ],
  [
    "trepctl-unload",
    () => {
      const s = newStage(threeSites);
      twoFeeds(s);
      return inTurn(
        (stage) => {
          stage.cross("tokyo-0", "trepctl -service nyc offline");
          stage.wait(3);
          return stage.cross("tokyo-0", "trepctl -service nyc unload -y");
        },
        (stage) => stage.cross("tokyo-0", "trepctl services"),
      )(s);
    },
  ],
  [
    "trepctl-services-two",
    () => {
      const s = newStage(threeSites);
      twoFeeds(s);
      return s.cross("tokyo-0", "trepctl services");
    },
  ],
  ["conv-1-status-armed.db4", second("trepctl -service nyc status", armed)],
  ["conv-1-status-after-heartbeat.db3", reader("trepctl -service nyc status", stopped)],
  ["conv-1-status-after-heartbeat.db4", second("trepctl -service nyc status", stopped)],
  ["conv-1-arm.db3", reader("trepctl -service nyc offline-deferred -at-heartbeat offline_for_upg")],
  ["conv-1-wait-offline.db3", reader("trepctl -service nyc wait -state OFFLINE:NORMAL -limit 60", stopped)],
  ["conv-6b-status-error.db3", reader("trepctl -service nyc status", recovering)],
  ["conv-6b-status-just-after-arming.db3", reader("trepctl -service nyc status", wiped)],
  ["conv-5C-status-online-plain.db3", reader("trepctl -service nyc status", crossStranger)],
  ["conv-5C-status-later.db4", reader("trepctl -service nyc status", duplicate)],
  ["conv-6h-status-t3.db4", second("trepctl -service nyc status", behindItsRelay)],
  ["conv-6j-status-against-empty-log.db4", second("trepctl -service nyc status", emptyRelay)],
  [
    "conv-6c-status-stopped.db4",
    second("trepctl -retry 0 -service nyc status", (s) => void s.cross("london-1", "replicator stop")),
  ],
  [
    "trepctl-status-offline-deferred-pending",
    greppedFrom(second("trepctl status", armed), /offlineRequests|state /),
  ],
  ["trepctl-status-after-online-force-epoch-mismatch", greppedFrom(replica("trepctl status"), states)],
  ["trepctl-status-after-until", greppedFrom(reader("trepctl status", stopped), offlineKeys)],
  [
    "trepctl-online-epoch-mismatch-db3-after-dsctl-set",
    greppedFrom(replica("trepctl status", localStranger), states),
  ],
  ["replicator-start", primary("replicator start", down)],
  ["replicator-start-offline", primary("replicator start offline", down)],
  ["replicator-start-already", primary("replicator start")],
  ["replicator-stop", primary("replicator stop")],
  ["replicator-stop-already", primary("replicator stop", down)],
  ["replicator-status-running", primary("replicator status")],
  ["replicator-status-stopped", primary("replicator status", down)],
  ["thl-info", primary("thl info")],
  ["thl-index", primary("thl index")],
  ["thl-list_-first", () => newStage({ rate: 0 }).cluster("nyc-0", "thl list -first")],
  ["thl-list_-headers_-last", primary("thl list -headers -last")],
  [
    "thl-list_-last",
    primary("thl list -last", (s) => {
      quiesce(s);
      s.cluster("nyc-0", "trepctl heartbeat -name HB3");
      s.wait(2);
    }),
  ],
  ["thl-purge", primary("thl purge -low 0 -high 20 -y", primaryReset)],
  ["conv-1-thl-info.db3", reader("thl -service nyc info")],
  ["conv-1-thl-list-last.db3", reader("thl -service nyc list -last -headers")],
  ["conv-5C-source-thl-at-N-before.db1", primary("thl list -headers -seqno 3")],
  ["dsctl-get_-ascmd", replica("dsctl -service nyc get -ascmd")],
  ["dsctl-get-db-down", primary("dsctl get", withoutDatabase)],
  [
    "conv-5C-dsctl-set-without-reset.db4",
    second("dsctl -service nyc set -seqno 9538 -epoch 9528 -event-id 'x;-1' -source-id db1"),
  ],
  ["tpm-query-version", reader("tpm query version")],
  ["tpm-validate-bad-topology-no-tty", reader("tpm validate")],
  ["tpm-validate-on-already-installed-host-tty", reader("tpm validate --tty")],
  [
    "conv-6g-install-again-over-running.db3",
    reader("tpm install --tty", (s) => void s.host("london-0").volume.thl.clear()),
  ],
  [
    "conv-6a-install.db3",
    reader("tpm install --tty", (s) => void s.cross("london-0", "tpm uninstall --i-am-sure")),
  ],
  ["conv-3-uninstall-no-tty.db3", reader("tpm uninstall --i-am-sure")],
  ["conv-6c-uninstall.db3", reader("tpm uninstall --i-am-sure --tty")],
  [
    "conv-6e-uninstall-mysql-down.db3",
    reader("tpm uninstall --i-am-sure --tty", (s) => strike(s.world, "mysql-down", "london-0")),
  ],
  [
    "multi_trepctl-list-output",
    replica("multi_trepctl list", (s) => {
      s.host("nyc-0").up = false;
      delete s.host("nyc-1").replicators.crossSite;
    }),
  ],
  ["conv-2-dump-tungsten_alpha.db3", reader("mysqldump --databases tungsten_nyc", stopped)],
];

/** Outputs that are JSON. */
export const objects: readonly Case[] = [
  ["trepctl-services-full-json", primary("trepctl services -full -json")],
  [
    "trepctl-clients-json",
    () => {
      const s = newStage();
      s.host("nyc-0")
        .replicators.cluster?.services.get("nyc")
        ?.readers.set("london-0", Number.POSITIVE_INFINITY);
      return s.cluster("nyc-0", "trepctl clients -json");
    },
  ],
  ["trepctl-services-json", primary("trepctl services -json")],
  ["trepctl-status-slave-json", replica("trepctl status -json")],
  ["trepctl-status-slave-offline-json", replica("trepctl status -json", offline)],
  ["trepctl-status-epoch-mismatch-json", replica("trepctl status -json", localStranger)],
  ["conv-1-status-after-heartbeat-json.db3", reader("trepctl -service nyc status -json", stopped)],
  [
    "dsctl-get",
    replica("dsctl -service nyc get", (s) => {
      s.cluster("nyc-0", "trepctl heartbeat");
      quiesce(s);
    }),
  ],
  ["trepctl-status-slave-online-but-connected-to-itself-json", replica("trepctl status -json", itself)],
  [
    "trepctl-services-two-json",
    () => {
      const s = newStage(threeSites);
      twoFeeds(s);
      return s.cross("tokyo-0", "trepctl services -json");
    },
  ],
  ["conv-1-dsctl-get.db3", reader("dsctl -service nyc get", stopped)],
  [
    "dsctl-get-after-set",
    reader("dsctl -service nyc get", (s) => {
      stopped(s);
      s.cross(
        "london-0",
        "dsctl -service nyc set -seqno 16 -epoch 0 -event-id 'mysql-bin.000004:0;-1' -source-id nyc-0 -reset",
      );
    }),
  ],
];
