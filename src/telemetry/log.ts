/** The program's log: JSON lines on stdout, with everything that is known to be secret masked before it is written. */
import { type Logger, pino } from "pino";

const secrets = new Set<string>();

/** Registers a value that must never be written; short values are left out, they would mask ordinary words. */
export function guardSecret(value: string): void {
  if (value.length >= 6) secrets.add(value);
}

/** A quoted value ends at its own kind of quote, escaped as often as the opening one; an open one ends at a blank. */
const named =
  /((?:password|passwd|secret|token)\\*["']?\s*[=:]\s*)(?:(\\*["'])(?:.*?)(?<!\\)\2|(?:\\*["'])?[^\s"',;\\]+)/gi;
const schemes = /\b(bearer|basic)\s+[\w.~+/=-]{8,}/gi;

/** Masks registered values and what looks like a password in a text. */
export function redact(text: string): string {
  let masked = text.replace(schemes, "$1 ***").replace(named, "$1$2***$2");
  for (const secret of secrets) masked = masked.replaceAll(secret, "***");
  return masked;
}

/** The root logger. `write` is where lines go; tests pass their own. */
export function newLog(
  level: string,
  write: (line: string) => void = (line) => void process.stdout.write(line),
): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write: (line: string) => write(redact(line)) },
  );
}
