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
 * What a response has about which nothing was said. Two large downloads of a client that knows nothing of
 * priorities go side by side: RFC 9218 §10 leaves that to the server, and one after the other would look like
 * a stall.
 */
export const UNSIGNALED: Priority = { urgency: 3, incremental: true };

// dictionary = member *( OWS "," OWS member ) (RFC 8941 §3.2). A value that is no dictionary is ignored as a
// whole (RFC 8941 §4.2). No two neighbours of this expression can take the same space, so that the time to
// refuse a value grows with its length, and not with the square.
const KEY = "[a-z*][a-z0-9_.*-]*";
const ITEM = [
  "-?(?:[0-9]{1,12}\\.[0-9]{1,3}|[0-9]{1,15})",
  '"(?:[ !#-\\[\\]-~]|\\\\["\\\\])*"',
  "[A-Za-z*][!#$%&'*+.^_`|~0-9A-Za-z:/-]*",
  ":[A-Za-z0-9+/=]*:",
  "\\?[01]",
].join("|");
const PARAMETERS = `(?:;[ ]*${KEY}(?:=(?:${ITEM}))?)*`;
const INNER_LIST = `\\([ ]*(?:(?:${ITEM})${PARAMETERS}(?:[ ]+(?:${ITEM})${PARAMETERS})*[ ]*)?\\)`;
const MEMBER = `${KEY}(?:=(?:${ITEM}|${INNER_LIST}))?${PARAMETERS}`;
const DICTIONARY = new RegExp(`^[ ]*(?:${MEMBER}(?:[ \\t]*,[ \\t]*${MEMBER})*[ \\t]*)?$`);

/** A priority of more characters is not looked into. */
const LENGTH_LIMIT = 256;

// Finds the members of a dictionary one after another, so that nothing in a string or in a list is taken for
// a member.
const MEMBERS = new RegExp(`(${KEY})(?:=(${ITEM}|${INNER_LIST}))?${PARAMETERS}[ \\t]*,?[ \\t]*`, "gy");

// An integer (RFC 8941 §3.3.1) from 0 to 7, with the zeros that may stand before it.
const URGENCY = /^(?:-0+|0*([0-7]))$/;

/** Parses a priority; what is not there, or no value, is the default of RFC 9218 §4. */
export function parsePriority(value: string): Priority {
  let urgency = 3;
  let incremental = false;
  if (value.length > LENGTH_LIMIT || !DICTIONARY.test(value)) return { urgency, incremental };
  // A later member overwrites an earlier one of the same key (RFC 8941 §4.2.2), before its value is looked
  // at.
  for (const [, key, item] of value.trimStart().matchAll(MEMBERS)) {
    if (key === "u") urgency = parseUrgency(item);
    if (key === "i") incremental = item === undefined || item === "?1";
  }
  return { urgency, incremental };
}

// "u" is an integer from 0 to 7; "priority parameters with out-of-range values, or values of unexpected
// types" are ignored (RFC 9218 §4).
function parseUrgency(item: string | undefined): number {
  const match = URGENCY.exec(item ?? "");
  return match === null ? 3 : (match[1] ?? "0").charCodeAt(0) - 0x30;
}
