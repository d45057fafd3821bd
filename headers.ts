/**
 * Header fields: the view of a request's field lines that is made only when it is asked for, and the checks
 * that keep a handler's values from breaking a message.
 *
 * @module
 */

import { holds, impersonate } from "./messages/platform.ts";

/** The field lines of a received message, which keep their order and their case. */
export interface FieldLines {
  /** The authority that replaces the received `host` lines (RFC 9112 §3.2.2), where one does. */
  readonly host?: string;
  /**
   * The values of a field of that lower-case name, combined with `, ` (RFC 9110 §5.3), or `null`;
   * `cookie` by `; `, and of `host` the one in force.
   */
  get(name: string): string | null;
  /** Every line as it was received: name and value. Made anew by each call. */
  toPairs(): (readonly [name: string, value: string])[];
}

// token = 1*tchar (RFC 9110 §5.6.2)
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

// field-value = *( field-vchar [ 1*( SP / HTAB / field-vchar ) field-vchar ] ) (RFC 9110 §5.5)
const FIELD_VALUE = /^(?:[!-~\x80-\xff](?:[\t -~\x80-\xff]*[!-~\x80-\xff])?)?$/;

/** Whether a name is a token, as field names are (RFC 9110 §5.1). */
export function isToken(name: string): boolean {
  return TOKEN.test(name);
}

/**
 * Whether a value may stand in a field line as it is (RFC 9110 §5.5): no CR, LF or NUL, no white space around
 * it.
 */
export function isFieldValue(value: string): boolean {
  return FIELD_VALUE.test(value);
}

/**
 * Lists a web `Headers` as names in lower case each followed by its value. The values of a real one may have
 * control characters that a message may not; those of an object that only passes for one may be anything.
 *
 * @throws {TypeError} when a name or a value may not stand in a message (RFC 9110 §5.1, §5.5)
 */
export function fieldList(headers: Headers): string[] {
  const fields: string[] = [];
  headers.forEach((value: unknown, name: unknown) => {
    if (typeof name !== "string" || !isToken(name)) {
      throw new TypeError(`${JSON.stringify(name)} is no field name (RFC 9110 §5.1)`);
    }
    if (typeof value !== "string" || !isFieldValue(value)) {
      throw new TypeError(`The value of ${name} has a control character, or is no text (RFC 9110 §5.5)`);
    }
    fields.push(name.toLowerCase(), value);
  });
  return fields;
}

const NO_LINES: FieldLines = { get: () => null, toPairs: () => [] };

/**
 * The key of a property that holds the view itself. `Object.create(headers)` and a proxy find the view by it.
 */
const SELF: unique symbol = Symbol("headers");

/**
 * `request.headers`: a web `Headers` whose `get` and `has` look at the received lines, and which becomes a
 * real one at the first need of anything else.
 */
class RequestHeaders {
  readonly [SELF]: RequestHeaders = this;
  readonly #lines: FieldLines;
  #real: Headers | null = null;

  constructor(lines: FieldLines) {
    this.#lines = lines;
  }

  get(name: string): string | null {
    const self = this[SELF];
    if (self.#real !== null) return self.#real.get(name);
    const asked = String(name);
    const found = self.#lines.get(asked.toLowerCase());
    // The web's class throws its own error for a name that is not a token.
    return found !== null || isToken(asked) ? found : self.#toReal().get(asked);
  }

  has(name: string): boolean {
    return this.get(name) !== null;
  }

  #toReal(): Headers {
    this.#real ??= toHeaders(this.#lines);
    return this.#real;
  }

  static copy(headers: Headers): RequestHeaders {
    const copy = new RequestHeaders(NO_LINES);
    copy.#real = new Headers(headers);
    return copy;
  }

  static share(headers: Headers, real: Headers): void {
    if (#real in headers) headers.#real = real;
  }

  static {
    const sample = new Headers();
    impersonate({ target: RequestHeaders, sample, toReal: (headers) => headers[SELF].#toReal() });
  }
}

/** A real `Headers` of received lines. */
function toHeaders(lines: FieldLines): Headers {
  const headers = new Headers();
  let hasCookie = false;
  for (const [name, value] of lines.toPairs()) {
    if (!isCookie(name)) headers.append(name, value);
    else if (!hasCookie) {
      hasCookie = true;
      headers.append(name, lines.get("cookie")!); // the web's class would join several lines by a comma
    }
  }
  if (lines.host !== undefined) headers.set("host", lines.host);
  return headers;
}

function isCookie(name: string): boolean {
  return name.length === 6 && name.toLowerCase() === "cookie";
}

/** Whether the platform takes a {@link RequestHeaders} for a `Headers`. */
export const LAZY_HEADERS_HOLD: boolean = holds(() => {
  const lines: FieldLines = { get: () => null, toPairs: () => [["a", "1"]] };
  const made = new Headers(standIn(lines));
  return made.get("a") === "1" && standIn(lines) instanceof Headers && [...standIn(lines)].length === 1;
});

function standIn(lines: FieldLines): Headers {
  return asHeaders(new RequestHeaders(lines));
}

function asHeaders(headers: RequestHeaders): Headers {
  const web: unknown = headers;
  return web as Headers;
}

/** The `Headers` of a received message, made lazily where the platform allows it. */
export function requestHeaders(lines: FieldLines): Headers {
  return LAZY_HEADERS_HOLD ? standIn(lines) : toHeaders(lines);
}

/**
 * Makes the `Headers` of a received message a view of a real one, which has the same fields: what changes one
 * changes both.
 */
export function shareHeaders(headers: Headers, real: Headers): void {
  RequestHeaders.share(headers, real);
}

/** A copy of the `Headers` of a received message, which {@link shareHeaders} takes as well. */
export function copyHeaders(headers: Headers): Headers {
  return asHeaders(RequestHeaders.copy(headers));
}
