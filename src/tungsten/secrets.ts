/** Masks what looks like a secret in a text that a tool printed, before a human, a status or the journal sees it. */

/** A quoted value ends at its own kind of quote, any other at a blank or a comma. Lines are taken one by one. */
const named =
  /((?:pass(?:word|wd)?|secret|token)\\*["']?\s*[=:]\s*)(?:(\\*["'])[^\n]*?(?<!\\)\2|(?:\\*["'])?[^\s"',;\\]+)/gi;

/** The text with each such value as `***`; option names stay, so that one can tell which option was meant. */
export const withoutSecrets = (text: string): string => text.replace(named, "$1$2***$2");
