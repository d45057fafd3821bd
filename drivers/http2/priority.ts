/**
 * Extensible priorities (RFC 9218 §4): the value of a `priority` field or of a PRIORITY_UPDATE frame.
 *
 * @module
 */

/** How urgent a response is, and whether it is of use in parts. */
export interface Priority {
  /** 0 (most urgent) to 7. */
  readonly urgency: number;
  /** Whether it is sent in turn with others of its urgency, instead of one after the other. */
  readonly incremental: boolean;
}

/**
 * What a response has about which nothing was said. Two large downloads of a client that knows nothing of priorities go side by
 * side: RFC 9218 §10 leaves that to the server, and one after the other would look like a stall.
 */
export const UNSIGNALED: Priority = { urgency: 3, incremental: true };

// dictionary = member *( OWS "," OWS member ) (RFC 8941 §3.2). A value that is no dictionary is ignored as a whole (RFC
// 8941 §4.2). No two neighbours of this expression can take the same space, so that the time to refuse a value grows
// with its length, and not with the square.
const KEY = "[a-z*][a-z0-9_.*-]*";
const ITEM = [
  "-?[0-9]{1,15}(?:\\.[0-9]{1,3})?",
  '"(?:[ !#-\\[\\]-~]|\\\\["\\\\])*"',
  "[A-Za-z*][!#$%&'*+.^_`|~0-9A-Za-z:/-]*",
  ":[A-Za-z0-9+/=]*:",
  "\\?[01]",
].join("|");
const PARAMETERS = `(?:;[ ]*${KEY}(?:=(?:${ITEM}))?)*`;
const INNER_LIST = `\\([ ]*(?:(?:${ITEM})${PARAMETERS}(?:[ ]+(?:${ITEM})${PARAMETERS})*[ ]*)?\\)`;
const MEMBER = `${KEY}(?:=(?:${ITEM}|${INNER_LIST}))?${PARAMETERS}`;
const DICTIONARY = new RegExp(`^[ ]*(?:${MEMBER}(?:[ \\t]*,[ \\t]*${MEMBER})*[ ]*)?$`);

/** A priority of more characters is not looked into. */
const LENGTH_LIMIT = 256;

// The members that have a meaning: "u" an integer from 0 to 7, "i" a boolean. Others, and values out of range, are ignored
// (RFC 9218 §4); of a member that is there twice the last one counts.
const URGENCY = /(?:^|,)[ \t]*u=([0-7])(?=[ \t;,]|$)/g;
const INCREMENTAL = /(?:^|,)[ \t]*i(?:=\?([01]))?(?=[ \t;,]|$)/g;

/** Parses a priority; what is not there, or no value, is the default of RFC 9218 §4. */
export function parsePriority(value: string): Priority {
  let urgency = 3;
  let incremental = false;
  if (value.length > LENGTH_LIMIT || !DICTIONARY.test(value)) return { urgency, incremental };
  for (const [, digit] of value.matchAll(URGENCY)) urgency = digit!.charCodeAt(0) - 0x30;
  for (const [, flag] of value.matchAll(INCREMENTAL)) incremental = flag !== "0";
  return { urgency, incremental };
}
