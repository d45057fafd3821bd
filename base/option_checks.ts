/**
 * Checks of the values of options: each gives what is allowed, in words, for a value that is not.
 *
 * @module
 */

/**
 * The longest time that a timer waits for: 2^31 - 1 milliseconds, 24 days. With a longer one it would not
 * wait at all.
 */
export const LONGEST_TIME = 2_147_483_647;

/** A check of one value: what is allowed, in words, when it is not. */
export interface Check {
  (value: unknown): string | null;
}

/** An integer in a range. */
export function integer(least: number, most: number = Number.MAX_SAFE_INTEGER): Check {
  return (value) => {
    if (Number.isInteger(value) && (value as number) >= least && (value as number) <= most) return null;
    return `an integer from ${least} to ${most}`;
  };
}

/** A check of a limit that may be absent. */
export interface LimitCheck extends Check {
  /** The value that stands for no limit in the options in force. */
  readonly none: unknown;
}

/** Whether a value says that there is no limit. */
export function saysNone(value: unknown): boolean {
  return value === null || value === Infinity;
}

/** A limit that may be absent. */
export function orNone(check: Check, none: unknown = Infinity): LimitCheck {
  const orChecked = (value: unknown) => {
    const allowed = saysNone(value) ? null : check(value);
    return allowed === null ? null : `${allowed}, or Infinity or null for no limit`;
  };
  return Object.assign(orChecked, { none });
}

/** A limit on what the server holds in memory for a peer: it is always there. */
export function always(check: Check): Check {
  return (value) => {
    const allowed = check(value);
    return allowed !== null && saysNone(value)
      ? `${allowed}: the server cannot be without this limit`
      : allowed;
  };
}

/** A switch. */
export function boolean(value: unknown): string | null {
  return typeof value === "boolean" ? null : "true or false";
}

/** Which versions are spoken. */
export function http2(value: unknown): string | null {
  return typeof value === "boolean" || value === "only" ? null : 'true, false or "only"';
}

/** What becomes of a request whose client ends its side. */
export function halfClose(value: unknown): string | null {
  return value === "abort" || value === "answer" ? null : '"abort" or "answer"';
}

/** The least rate of a body, the one limit of which 0 says that there is none. */
export const minimumRate: LimitCheck = Object.assign((value: unknown) => {
  const allowed = value === null ? null : integer(0)(value);
  return allowed === null ? null : `${allowed}, 0 or null for no limit`;
}, { none: 0 });

/** A time in milliseconds. */
export const time: LimitCheck = orNone(integer(1, LONGEST_TIME));

/** A time in milliseconds that may be none at all. */
export const timeOrZero: LimitCheck = orNone(integer(0, LONGEST_TIME));

/** The value of an HTTP/2 setting (RFC 9113 §6.5.1). */
export const setting: Check = always(integer(1, 2 ** 32 - 1));

/**
 * A flow-control window (RFC 9113 §6.9.1); no setting can make that of a connection less than 65,535 (RFC
 * 9113 §6.9.2).
 */
export function window(least: number): Check {
  return always(integer(least, 2 ** 31 - 1));
}

/** How often something may happen. */
export const budget: LimitCheck = orNone((value) => {
  const { burst, perSecond } = Object(value) as { burst?: number; perSecond?: number };
  const fine = Number.isInteger(burst) && burst! >= 0 && Number.isFinite(perSecond) && perSecond! >= 0;
  return fine ? null : "{ burst, perSecond }, both 0 or more";
}, Object.freeze({ burst: Infinity, perSecond: 0 }));

// token = 1*tchar (RFC 9110 §5.6.2)
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** A list of methods (RFC 9110 §9.1). */
export function methods(value: unknown): string | null {
  const fine = value === null ||
    (Array.isArray(value) && value.length > 0 &&
      value.every((method) => typeof method === "string" && TOKEN.test(method)));
  if (fine && value?.some((method) => /^[a-z]+$/.test(method))) {
    return "a list of methods in the case in which clients send them, such as GET (RFC 9110 §9.1)";
  }
  return fine ? null : "a list of methods with at least one, or null for all but CONNECT and TRACE";
}

/** The value of a `server` field (RFC 9110 §10.2.4). */
export function serverHeader(value: unknown): string | null {
  const fine = value === null || (typeof value === "string" && /^[!-~](?:[ -~]*[!-~])?$/.test(value));
  return fine ? null : "a text of visible characters, or null for none";
}

/** A value in words, for an error message. */
export function show(value: unknown): string {
  if (typeof value === "bigint") return `${value}n`;
  return typeof value === "number" ? String(value) : JSON.stringify(value) ?? `a ${typeof value}`;
}

/** Returns a frozen copy, so that the caller cannot change an option later. */
export function frozenCopy(value: unknown): unknown {
  if (Array.isArray(value)) return Object.freeze([...value]);
  return typeof value === "object" && value !== null ? Object.freeze({ ...value }) : value;
}
