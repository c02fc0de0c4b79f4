/** Prints the table of lies; filled by the cases beside it. */
export function printLies(_print: (line: string) => void): boolean {
  return true;
}
