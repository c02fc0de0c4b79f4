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

/**
 * An error of a host comes twice: as it was found, and under the banner with the class of its check in brackets. An error
 * of the ini comes before all, with no host.
 */
export function failed(
  host: string,
  errors: readonly string[],
  ofIni: readonly string[] = [],
  title = "Validation failed",
): string {
  if (errors.length === 0)
    return text([
      ...ofIni,
      ...banner("There are errors with the values provided in the configuration file"),
      ...ofIni,
    ]);
  const found = errors.map((error) => `ERROR >> ${host} >> ${error.replace(/ \(\w+\)$/, "")}`);
  const told = errors.flatMap((error) => {
    const more = advice[/\((\w+)\)$/.exec(error)?.[1] ?? ""];
    return [`ERROR >> ${host} >> ${error}`, ...(more === undefined ? [] : [more, divider])];
  });
  return text([...ofIni, ...found, ...banner(title), ...banner(`Errors for ${host}`), ...told]);
}

/** An uninstall that waited thirty seconds for MySQL. */
export const mysqlTooLong = (host: string): string =>
  [
    text([`NOTE  >> ${host} >> Start the MySQL service`, "..............."]),
    failed(host, ["The MySQL server has taken too long to start"], [], "Commitment failed"),
    text(["", `NOTE  >> ${host} >> Check the status of all hosts before taking action`]),
  ].join("");

/** No ini where tpm looks for one. Transcript conv-3-uninstall-from-software-dir-without-ini. */
export const unconfigured = text([
  "ERROR >> Unable to find any host configurations for the data service specified.  Check the list of configured data services by running 'tools/tpm query dataservices'.",
]);
/** Two lines were seen, their words were not kept: [inferred]. */
export const unsure = text([
  "ERROR >> An uninstall removes all data of this installation",
  "ERROR >> Add --i-am-sure to the command",
]);

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
