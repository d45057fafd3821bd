/**
 * Header fields: the view of a request's field lines that is made only when it is asked for, and the checks that keep a
 * handler's values from breaking a message.
 *
 * @module
 */

/** The field lines of a received message, which keep their order and their case. */
export interface FieldLines {
  /** The authority that replaces the received `host` lines (RFC 9112 §3.2.2), where one does. */
  readonly host?: string;
  /**
   * The values of a field of that lower-case name, combined with `, ` (RFC 9110 §5.3), or `null`; of `host`
   * the one in force.
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

/** Whether a value may stand in a field line as it is (RFC 9110 §5.5): no CR, LF or NUL, no white space around it. */
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

/**
 * `request.headers`: a web `Headers` whose `get` and `has` look at the received lines, and which becomes a real one at
 * the first need of anything else.
 */
class RequestHeaders {
  readonly #lines: FieldLines;
  #real: Headers | null = null;

  constructor(lines: FieldLines) {
    this.#lines = lines;
  }

  get real(): Headers {
    this.#real ??= toHeaders(this.#lines);
    return this.#real;
  }

  get(name: string): string | null {
    if (this.#real !== null) return this.#real.get(name);
    const asked = String(name);
    const found = this.#lines.get(asked.toLowerCase());
    // the web's class says what is wrong with a name that is none
    return found !== null || isToken(asked) ? found : this.real.get(asked);
  }

  has(name: string): boolean {
    return this.get(name) !== null;
  }
}

function toHeaders(lines: FieldLines): Headers {
  const headers = new Headers();
  for (const [name, value] of lines.toPairs()) headers.append(name, value);
  if (lines.host !== undefined) headers.set("host", lines.host);
  return headers;
}

/**
 * Makes instances of `target` stand in for those of a web class: its prototype inherits the web class' one, and the own
 * symbol properties that `sample` is found to have are forwarded to the real object that `target`'s `real` gives.
 */
export function impersonate(target: { prototype: object }, sample: object): void {
  Object.setPrototypeOf(target.prototype, Object.getPrototypeOf(sample));
  for (const symbol of Object.getOwnPropertySymbols(sample)) {
    Object.defineProperty(target.prototype, symbol, {
      configurable: true,
      get(this: { real: object }): unknown {
        return Reflect.get(this.real, symbol);
      },
      set(this: { real: object }, value: unknown): void {
        Reflect.set(this.real, symbol, value);
      },
    });
  }
}

impersonate(RequestHeaders, new Headers());

/** Whether the platform takes a {@link RequestHeaders} for a `Headers`: its inner workings may change. */
const LAZY_HEADERS_HOLD = holds();

function holds(): boolean {
  try {
    const lines: FieldLines = { get: () => null, toPairs: () => [["a", "1"]] };
    const made = new Headers(standIn(lines));
    return made.get("a") === "1" && standIn(lines) instanceof Headers && [...standIn(lines)].length === 1;
  } catch {
    return false; // the fallback below is slower and always right
  }
}

function standIn(lines: FieldLines): Headers {
  const headers: unknown = new RequestHeaders(lines);
  return headers as Headers;
}

/** The `Headers` of a received message, made lazily where the platform allows it. */
export function requestHeaders(lines: FieldLines): Headers {
  return LAZY_HEADERS_HOLD ? standIn(lines) : toHeaders(lines);
}
