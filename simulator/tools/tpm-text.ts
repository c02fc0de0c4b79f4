/** What tpm prints: banners, errors with their check's name and advice, the next steps. Transcripts tpm-*, conv-*install*, conv-6e*, conv-6g*. */

const bar = "#".repeat(69);
const divider = "-".repeat(75);

const advice: Readonly<Record<string, string>> = {
  ConfiguredDirectoryCheck:
    "If you are installing from a previously used directory, download a fresh copy and try again.",
  InstallingOverExistingInstallation: "Use the tools/tpm update to modify an existing installation",
  TargetDirectoryDoesNotExist: "Use the `tools/tpm update` script to modify an existing installation",
};

const banner = (title: string): readonly string[] => [bar, `# ${title}`, bar];
const text = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join("");

/** Each error comes twice: as it was found, and under the banner with the class of its check in brackets. */
export function failed(host: string, errors: readonly string[], title = "Validation failed"): string {
  const found = errors.map((error) => `ERROR >> ${host} >> ${error.replace(/ \(\w+\)$/, "")}`);
  const told = errors.flatMap((error) => {
    const more = advice[/\((\w+)\)$/.exec(error)?.[1] ?? ""];
    return [`ERROR >> ${host} >> ${error}`, ...(more === undefined ? [] : [more, divider])];
  });
  return text([...found, ...banner(title), ...banner(`Errors for ${host}`), ...told]);
}

/** An uninstall that waited thirty seconds for MySQL. */
export const mysqlTooLong = (host: string): string =>
  [
    text([`NOTE  >> ${host} >> Start the MySQL service`, "..............."]),
    failed(host, ["The MySQL server has taken too long to start"], "Commitment failed"),
    text(["", `NOTE  >> ${host} >> Check the status of all hosts before taking action`]),
  ].join("");

export const completed = text(["", "NOTE  >> Command successfully completed"]);
export const completedOn = (host: string): string =>
  text(["", `NOTE  >> ${host} >> Command successfully completed`]);

/** The end of an install that does not start the services itself. */
export const installed = (home: string): string =>
  text([
    "",
    ...banner("Next Steps"),
    "Unless automatically started, you must start the Tungsten services before the ",
    "cluster will be available.",
    "",
    `  ${home}/tungsten/cluster-home/bin/startall`,
    "",
    "Wait a minute for the services to start up and configure themselves.  After ",
    "that you may proceed.",
    "",
    "We have added Tungsten environment variables to ~/.bash_profile.",
    "Run `source ~/.bash_profile` to rebuild your environment.",
    "",
    "Once your services start successfully replication will begin.",
    "To look at services and perform administration, run the following command",
    "from any database server.",
    "",
    `  ${home}/tungsten/tungsten-replicator/bin/trepctl services`,
    "",
    "Configuration is now complete.  For further information, please consult",
    "Tungsten documentation, which is available at docs.continuent.com.",
  ]) + completed;
