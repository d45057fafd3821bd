/**
 * The head of a response (RFC 9112 §4) and how its body is framed (RFC 9112 §6): what a handler said of `connection`,
 * `transfer-encoding`, `content-length`, `upgrade` and `trailer` is input to that, and not copied.
 *
 * @module
 */

import { isFieldValue, isToken } from "../../headers.ts";
import { reasonPhrase } from "../../reason_phrase.ts";
import { listElements, trimOws } from "../list_field.ts";
import { HttpDate, isHttpDate } from "../http_date.ts";
import { declaredLength } from "../content_length.ts";

/** How the body of a response is delimited. */
export type ResponseFraming =
  | { readonly kind: "none"; readonly length: number | null } // no body on the wire; perhaps the length of what GET would get
  | { readonly kind: "length"; readonly length: number }
  | { readonly kind: "chunked" }
  | { readonly kind: "close" };

/** What framing depends on. */
export interface FramingInput {
  /** The request's method. */
  readonly method: string;
  /** The minor version of the request. */
  readonly minor: 0 | 1;
  /** The response's status. */
  readonly status: number;
  /** The length of the content in bytes, or `null` when it is a stream. */
  readonly size: number | null;
  /** The `content-length` that the handler declared, or `null`. */
  readonly declared: number | null;
  /** Whether trailer fields follow. */
  readonly trailers: boolean;
}

/**
 * Decides how a response is framed.
 *
 * @throws {RangeError} when the content contradicts the declared length
 */
export function responseFraming(input: FramingInput): ResponseFraming {
  const { method, minor, status, size, declared } = input;
  // "A server MUST NOT send a Content-Length header field in any response with a status code of 1xx (Informational) or 204
  // (No Content)" (RFC 9110 §8.6)
  if (status === 204) return { kind: "none", length: null };
  // A 304 or HEAD response has the length that GET would have, or none (RFC 9110 §8.6): for 304 only the handler knows it.
  if (status === 304) return { kind: "none", length: declared };
  if (method === "HEAD") return { kind: "none", length: declared ?? size };
  if (size !== null && declared !== null && size !== declared) {
    throw new RangeError(
      `The response declares content-length ${declared}, but its body has ${size} bytes: leave the field out`,
    );
  }
  // "A server MUST NOT send a response containing Transfer-Encoding unless the corresponding request indicates HTTP/1.1 (or
  // later minor revisions)" (RFC 9112 §6.1)
  if (input.trailers && minor === 1) return { kind: "chunked" };
  const length = size ?? declared;
  if (length !== null) return { kind: "length", length };
  return minor === 1 ? { kind: "chunked" } : { kind: "close" };
}

/** What a handler's fields say to the server, and those that are copied. */
export interface ResponseFields {
  /** The field lines to send, each with its CRLF. */
  readonly lines: string;
  /** The `content-length` that was declared, or `null`. */
  readonly declared: number | null;
  /** Whether `connection: close` was asked for. */
  readonly close: boolean;
  /** The `upgrade` that the handler gave, or `null`. */
  readonly upgrade: string | null;
  /** Whether the lines have a `date`: that of a gateway's upstream, say, which stays as it is. */
  readonly dated: boolean;
  /** Whether the lines have a `server`. */
  readonly named: boolean;
}

/**
 * Sorts the fields of a response.
 *
 * @param fields valid names in lower case, each followed by a valid value (see `Response.fieldsOf`)
 * @throws {RangeError} when `content-length` is not a number
 */
export function sortFields(fields: readonly string[]): ResponseFields {
  let lines = "";
  let declared: number | null = null;
  let close = false;
  let upgrade: string | null = null;
  let dated = false;
  let named = false;
  for (let at = 0; at < fields.length; at += 2) {
    const name = fields[at]!;
    const value = fields[at + 1]!;
    switch (name) {
      case "connection":
        close ||= listElements(value).includes("close");
        break;
      case "content-length":
        declared = declaredLength(value);
        break;
      case "upgrade":
        upgrade = value;
        break;
      case "date":
        if (!isHttpDate(value) || dated) break;
        dated = true;
        lines += `date: ${value}\r\n`;
        break;
      case "server":
        named = true;
        lines += `server: ${value}\r\n`;
        break;
      case "keep-alive":
      case "proxy-connection":
      case "trailer":
      case "transfer-encoding":
        break;
      default:
        lines += `${name}: ${value}\r\n`;
    }
  }
  return { lines, declared, close, upgrade, dated, named };
}

/**
 * field-line CRLF, from a handler's name and value.
 *
 * @throws {TypeError} when they would break the message (RFC 9110 §5.5)
 */
export function fieldLine(name: string, value: string): string {
  if (!isToken(name)) throw new TypeError(`${JSON.stringify(name)} is no field name (RFC 9110 §5.1)`);
  if (!isFieldValue(value)) {
    throw new TypeError(`The value of ${name} has a character that a field may not have (RFC 9110 §5.5)`);
  }
  return `${name}: ${value}\r\n`;
}

/** The parts of a head. */
export interface HeadParts {
  /** The minor version of the request, in which it is answered. */
  readonly minor: 0 | 1;
  /** The status. */
  readonly status: number;
  /** The handler's reason phrase; the registered one where it is empty. */
  readonly statusText: string;
  /** The handler's field lines, each with its CRLF. */
  readonly lines: string;
  /** What every head ends in. */
  readonly ending: string;
  /** How the body is framed. */
  readonly framing: ResponseFraming;
  /** Whether the connection ends after it. */
  readonly close: boolean;
  /** The handler's `upgrade`: sent with 426 alone, so that a proxy does not pass on what another server offers. */
  readonly upgrade: string | null;
}

/** Whether two heads are encoded as the same. */
export function isSameHead(one: HeadParts, other: HeadParts): boolean {
  return isSameFraming(one.framing, other.framing) && one.lines === other.lines &&
    one.ending === other.ending && one.status === other.status && one.statusText === other.statusText &&
    one.minor === other.minor && one.close === other.close && one.upgrade === other.upgrade;
}

function isSameFraming(one: ResponseFraming, other: ResponseFraming): boolean {
  if (one.kind !== other.kind) return false;
  return !("length" in one) || !("length" in other) || one.length === other.length;
}

// status-line = HTTP-version SP status-code SP [ reason-phrase ] (RFC 9112 §4)
const OK_1 = "HTTP/1.1 200 OK\r\n";
const OK_0 = "HTTP/1.0 200 OK\r\n";

/** Encodes a head: a text of characters up to U+00FF, one a byte. */
export function encodeResponseHead(parts: HeadParts): string {
  const { minor, status, statusText, framing } = parts;
  const statusLine = status === 200 && statusText === ""
    ? minor === 1 ? OK_1 : OK_0
    : `HTTP/1.${minor} ${status} ${reasonOf(status, statusText)}\r\n`;
  const connection = status === 426 && parts.upgrade !== null
    ? upgradeLines(parts.upgrade, parts.close)
    : connectionLine(parts.close, minor);
  return `${statusLine}${parts.lines}${framingLine(framing)}${connection}${parts.ending}`;
}

/** Encodes the head of an informational response (RFC 9110 §15.2), which has nothing else. */
export function encodeInterimHead(status: number, lines: string): string {
  return `HTTP/1.1 ${status} ${reasonPhrase(status)}\r\n${lines}\r\n`;
}

/** What the head of an upgrade is made of. */
export interface UpgradeHeadInput {
  /** The request's method: CONNECT makes a tunnel. */
  readonly method: string;
  /** The minor version of the request. */
  readonly minor: 0 | 1;
  /** The handler's status, for CONNECT. */
  readonly status: number;
  /** The handler's fields. */
  readonly fields: ResponseFields;
  /** What the request says in `upgrade`. */
  readonly asked: string;
  /** What every head ends in. */
  readonly ending: string;
}

/**
 * Encodes the head behind which a connection is handed over.
 *
 * "A server that sends a 101 (Switching Protocols) response MUST send an Upgrade header field to indicate the new protocol(s)"
 * (RFC 9110 §7.8); "A server MUST NOT send any Transfer-Encoding or Content-Length header fields in a 2xx (Successful) response
 * to CONNECT" (RFC 9110 §9.3.6).
 *
 * @throws {TypeError} when the status makes no tunnel, or `upgrade` names no protocol
 */
export function encodeUpgradeHead(
  { method, minor, status, fields, asked, ending }: UpgradeHeadInput,
): string {
  const { lines, upgrade } = fields;
  if (method === "CONNECT") {
    if (status > 299) {
      throw new TypeError(`A handler answered ${status}, which makes no tunnel (RFC 9110 §9.3.6)`);
    }
    return `HTTP/1.${minor} ${status} ${reasonPhrase(status)}\r\n${lines}${ending}`;
  }
  const protocol = upgrade ?? asked.split(",").map(trimOws).find((one) => one !== "") ?? "";
  return `HTTP/1.1 101 Switching Protocols\r\n${upgradeLines(protocol, false)}${lines}${ending}`;
}

// reason-phrase = 1*( HTAB / SP / VCHAR / obs-text ) (RFC 9112 §4)
function reasonOf(status: number, statusText: string): string {
  const given = typeof statusText === "string" && statusText !== "" && isFieldValue(statusText);
  return given ? statusText : reasonPhrase(status);
}

function framingLine(framing: ResponseFraming): string {
  switch (framing.kind) {
    case "none":
      return framing.length === null ? "" : lengthLine(framing.length);
    case "length":
      return lengthLine(framing.length);
    case "chunked":
      return "transfer-encoding: chunked\r\n";
    case "close":
      return "";
    default:
      return framing satisfies never;
  }
}

// An array of a class of somebody's own may have any length.
function lengthLine(length: number): string {
  if (!Number.isSafeInteger(length)) throw new TypeError("The length of the response's body is no number");
  return `content-length: ${length}\r\n`;
}

// "A server that does not support persistent connections MUST send the "close" connection option in every response message
// that does not have a 1xx (Informational) status code" (RFC 9112 §9.3); a 1.0 client is told that it may go on.
function connectionLine(close: boolean, minor: 0 | 1): string {
  if (close) return "connection: close\r\n";
  return minor === 0 ? "connection: keep-alive\r\n" : "";
}

// "The server MUST send an Upgrade header field in a 426 response" (RFC 9110 §15.5.22); "A sender of Upgrade MUST also send an
// "Upgrade" connection option" (RFC 9110 §7.8)
function upgradeLines(protocol: string, close: boolean): string {
  return `connection: ${close ? "close, upgrade" : "upgrade"}\r\n${fieldLine("upgrade", protocol)}`;
}

/** What every head ends in: the server's own fields, `date` (RFC 9110 §6.6.1) and perhaps `server`, made once a second. */
export class HeadEnding {
  readonly #date = new HttpDate();
  #value = "";
  #server: string | null = null;
  #ending = "";

  /**
   * The ending of a head that has those fields, by the coarse clock `now` (see {@link HttpDate});
   * `serverHeader` is `null` where the field is not wanted.
   */
  at(now: number, serverHeader: string | null, { dated, named }: ResponseFields): string {
    const server = named ? null : serverHeader;
    if (dated) return server === null ? "\r\n" : `server: ${server}\r\n\r\n`;
    const value = this.#date.at(now);
    if (value !== this.#value || server !== this.#server) {
      this.#value = value;
      this.#server = server;
      this.#ending = `date: ${value}\r\n${server === null ? "" : `server: ${server}\r\n`}\r\n`;
    }
    return this.#ending;
  }
}
