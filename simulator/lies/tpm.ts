/** Lies of tpm and its ini: silence, and what it reads instead of what stands there. */
import { readConfiguration } from "../tools/ini.ts";
import type { Lie } from "./lie.ts";
import { iniText, type Said, type Stage } from "./stage.ts";

const tool = "tpm";
const yes = (is: boolean): string => (is ? "yes" : "no");

/** Publishes another text at a host, as it would lie in /etc/tungsten. */
function publish(s: Stage, host: string, text: string): void {
  s.host(host).volume.ini = text;
}
const inDefaults = (line: string): string => iniText.replace("[defaults]\n", `[defaults]\n${line}\n`);

/** The value that a product is really installed with. */
const used = (s: Stage, host: string, option: string): string =>
  readConfiguration(s.host(host).volume.ini ?? "", "crossSite").options.get(option) ?? "none";

/** The value of an option as tpm took it: `tpm reverse` prints no others. */
const taken = ({ out }: Said, option: string): string =>
  new RegExp(`--${option}=(.*?)(?: \\\\)?$`, "m").exec(out)?.[1] ?? "not taken";

export const tpmLies: readonly Lie[] = [
  {
    name: "silent-without-a-terminal",
    tool,
    cites: ["observed §2.3", "conversion §2"],
    lie: "Without a terminal tpm prints nothing at all: no errors, no warnings, an exit code only.",
    asks: "did tpm find errors?",
    naive: "greps the output for ERROR",
    careful: "gives it --tty and reads the exit code",
    show(s) {
      const said = s.cross("london-0", "tpm validate");
      const loud = s.cross("london-0", "tpm validate --tty");
      return {
        said,
        truth: yes(s.host("london-0").volume.installed.crossSite !== undefined),
        naive: yes(said.out.includes("ERROR")),
        careful: yes(loud.code !== 0 && loud.out.includes("ERROR")),
      };
    },
  },
  {
    name: "unknown-key-ignored",
    tool,
    cites: ["observed §2.3"],
    lie: "A key that tpm does not know is ignored in silence: a typing slip is a setting that is not there.",
    asks: "is the log kept for seven days?",
    naive: "finds the line in the ini, update exits 0",
    careful: "checks every key against the catalogue",
    show(s) {
      publish(s, "london-0", inDefaults("thl-log-retenion=7d"));
      const said = s.cross("london-0", "tpm update --replace-release --tty");
      const { volume } = s.host("london-0");
      return {
        said,
        line: "NOTE",
        truth: yes(/^thl-log-retention=7d$/m.test(volume.ini ?? "")),
        naive: yes(said.code === 0),
        careful: yes(taken(s.cross("london-0", "tpm reverse"), "thl-log-retention") === "7d"),
      };
    },
  },
  {
    name: "on-is-false",
    tool,
    cites: ["observed §2.3"],
    lie: "`on` means false: what holds an n and is not true or yes is taken for no.",
    asks: "are the services started after the install?",
    naive: "wrote start-and-report=on, install exits 0",
    careful: "writes true and false only, and looks",
    show(s) {
      s.cross("london-0", "tpm uninstall --i-am-sure");
      publish(s, "london-0", iniText.replace("start-and-report=false", "start-and-report=on"));
      const said = s.cross("london-0", "tpm install --tty");
      return {
        said,
        line: "NOTE",
        truth: yes(s.host("london-0").replicators.crossSite !== undefined),
        naive: yes(said.code === 0),
        careful: yes(s.look("london-0", "replicator crossSite status").code === 0),
      };
    },
  },
  {
    name: "blank-in-a-list",
    tool,
    cites: ["observed §2.3"],
    lie: "Lists are split at commas and not trimmed: `nyc-0, nyc-1` names a host with a blank before it.",
    asks: "is the ini right for both nodes of nyc?",
    naive: "validates on one of them",
    careful: "validates on each",
    show(s) {
      const text = iniText.replace("members=nyc-0,nyc-1", "members=nyc-0, nyc-1");
      for (const host of ["nyc-0", "nyc-1"]) publish(s, host, text);
      const fine = (host: string, said: Said) => !said.out.includes(`use ${host} (HostnameCheck)`);
      const said = s.cross("nyc-0", "tpm validate --tty");
      const other = s.cross("nyc-1", "tpm validate --tty");
      return {
        said,
        truth: yes(!/members=.*, /.test(text)),
        naive: yes(fine("nyc-0", said)),
        careful: yes(fine("nyc-0", said) && fine("nyc-1", other)),
      };
    },
  },
  {
    name: "comment-in-a-value",
    tool,
    cites: ["observed §2.1"],
    lie: "A blank and a # begin a comment anywhere in a line: the rest of a password is gone.",
    asks: "which password does Tungsten use?",
    naive: "reads the line in the ini",
    careful: "asks what tpm took (or never writes ` #`)",
    show: (s) => asWritten(s, "replication-password", "blue #7 sky"),
  },
  {
    name: "quotes-are-kept",
    tool,
    cites: ["observed §2.1"],
    lie: "Quotes are not removed: they are part of the value.",
    asks: "which password does Tungsten use?",
    naive: "reads the value between the quotes",
    careful: "asks what tpm took (or never quotes)",
    show(s) {
      const shown = asWritten(s, "replication-password", '"blue sky"');
      return { ...shown, naive: shown.naive.replaceAll('"', "") };
    },
  },
  {
    name: "key-twice",
    tool,
    cites: ["observed §2.1"],
    lie: "A key that comes twice is no error: the last one counts.",
    asks: "which THL port does the second product use?",
    naive: "finds the first line of that key",
    careful: "asks what tpm took (or refuses it twice)",
    show(s) {
      publish(
        s,
        "london-0",
        iniText.replace("thl-port=2113", "thl-port=2113\nrmi-port=10002\nthl-port=2119"),
      );
      const said = s.cross("london-0", "tpm reverse");
      const truth = used(s, "london-0", "thl-port");
      const found = /^thl-port=(\d+)$/m.exec(s.host("london-0").volume.ini ?? "")?.[1] ?? "";
      return { said, line: "--thl-port", truth, naive: found, careful: taken(said, "thl-port") };
    },
  },
  {
    name: "defaults-of-its-own",
    tool,
    cites: ["observed §2.2"],
    lie: "[defaults.manager] is no defaults: it becomes a data service of that name.",
    asks: "how many data services has the estate?",
    naive: "counts sections not called defaults…",
    careful: "asks tpm query dataservices",
    show(s) {
      publish(s, "london-0", `${iniText}\n[defaults.manager]\nmgr-ping-method=echo\n`);
      const said = s.cross("london-0", "tpm query dataservices");
      const headers = [...(s.host("london-0").volume.ini ?? "").matchAll(/^\[(.+)\]$/gm)].map(
        ([, name]) => name,
      );
      const services = said.out.trim().split("\n").length;
      return {
        said,
        line: "defaults_manager",
        truth: String(headers.filter((name) => !/^defaults(\.replicator)?$/.test(name ?? "")).length),
        naive: String(headers.filter((name) => name?.startsWith("defaults") !== true).length),
        careful: String(services),
      };
    },
  },
  {
    name: "before-any-section",
    tool,
    cites: ["observed §2.1"],
    lie: "Keys before the first section are no defaults: they become a data service called __anonymous__.",
    asks: "how many data services has the estate?",
    naive: "counts the sections",
    careful: "asks tpm query dataservices",
    show(s) {
      publish(s, "london-0", `thl-log-retention=7d\n${iniText}`);
      const said = s.cross("london-0", "tpm query dataservices");
      const { sections } = readConfiguration(s.host("london-0").volume.ini ?? "", "crossSite");
      const named = (names: readonly string[]) =>
        names.filter((name) => !/^defaults(\.replicator)?$/.test(name)).length;
      const headers = [...iniText.matchAll(/^\[(.+)\]$/gm)].map(([, name]) => name ?? "");
      return {
        said,
        line: "__anonymous__",
        truth: String(named([...sections.keys()])),
        naive: String(named(headers)),
        careful: String(said.out.trim().split("\n").length),
      };
    },
  },
  {
    name: "names-are-folded",
    tool,
    cites: ["observed §2.2"],
    lie: "A section's name is folded: [US-East] is data service us_east, schema tungsten_us_east.",
    asks: "what is the data service of [US-East] called?",
    naive: "takes the section's name",
    careful: "asks tpm query dataservices",
    show(s) {
      publish(s, "london-0", `${iniText}\n[US-East]\ntopology=clustered\nmaster=ue-0\nmembers=ue-0\n`);
      const said = s.cross("london-0", "tpm query dataservices");
      const found = /^(us\S+)/im.exec(said.out)?.[1] ?? "none";
      return { said, line: "us_east", truth: "us_east", naive: "US-East", careful: found };
    },
  },
  {
    name: "validate-when-installed",
    tool,
    cites: ["observed §2.5", "cli §6"],
    lie: "`validate` fails on every host that is installed already, however healthy.",
    asks: "is the configuration of this host broken?",
    naive: "takes exit 1 of validate",
    careful: "reads whether the checks say `already`",
    show(s) {
      const said = s.cross("london-0", "tpm validate --tty");
      const errors = said.out.split("\n").filter((line) => /^ERROR.*Check\)$|^ERROR.*\(\w+\)$/.test(line));
      const already = /already|still running/;
      return {
        said,
        truth: yes(s.service("london-0", "nyc").state !== "ONLINE"),
        naive: yes(said.code !== 0),
        careful: yes(errors.some((line) => !already.test(line))),
      };
    },
  },
  {
    name: "guard-sees-one-host",
    tool,
    cites: ["conversion §4g"],
    lie: "tpm's guard against a second tpm looks at the process list: it sees none in another container.",
    asks: "did tpm ever run on one node at a time?",
    naive: "trusts the guard: both exit 0",
    careful: "looks for a tpm on every node first",
    show(s) {
      s.begin("london-0", "tpm update --replace-release");
      s.wait(1);
      const other = s.look("london-0", "tpm-processes").out;
      const running = s.host("london-0").tools.some(({ argv }) => argv[0] === "tpm");
      const said = s.cross("london-1", "tpm update --replace-release");
      return {
        said,
        truth: yes(!running),
        naive: yes(said.code === 0),
        careful: yes(other === ""),
      };
    },
  },
];

/** A value written with something tpm treats in its own way, and what it made of it. */
function asWritten(s: Stage, option: string, written: string) {
  publish(s, "london-0", inDefaults(`${option}=${written}`));
  const said = s.cross("london-0", "tpm reverse");
  const line = new RegExp(`^${option}=(.*)$`, "m").exec(s.host("london-0").volume.ini ?? "")?.[1] ?? "";
  const truth = used(s, "london-0", option);
  return { said, line: `--${option}`, truth, naive: line, careful: taken(said, option) };
}
