/**
 * The fields of a request (RFC 9113 §8.2): which are allowed, and the view of them that a handler is given.
 *
 * What is found out about a field is noted in it: one that is in a table is looked at once, however often it
 * is referred to.
 *
 * @module
 */

import { type FieldLines, isFieldValue, isToken } from "../../headers.ts";
import type { HeaderField } from "./hpack/header_field.ts";

/** What a field is. */
export const FieldKind = {
  Unknown: 0,
  Plain: 1,
  Malformed: 2,
  Method: 3,
  Scheme: 4,
  Authority: 5,
  Path: 6,
  Protocol: 7,
  ContentLength: 8,
  Host: 9,
  Expect: 10,
  Priority: 11,
  Cookie: 12,
} as const;

/** A value of {@link FieldKind}. */
export type FieldKind = typeof FieldKind[keyof typeof FieldKind];

const KINDS: ReadonlyMap<string, FieldKind> = new Map<string, FieldKind>([
  [":method", FieldKind.Method],
  [":scheme", FieldKind.Scheme],
  [":authority", FieldKind.Authority],
  [":path", FieldKind.Path],
  [":protocol", FieldKind.Protocol],
  ["content-length", FieldKind.ContentLength],
  ["host", FieldKind.Host],
  ["expect", FieldKind.Expect],
  ["priority", FieldKind.Priority],
  ["cookie", FieldKind.Cookie],
  // "An endpoint MUST NOT generate an HTTP/2 message containing connection-specific header fields [...] Any
  // message containing connection-specific header fields MUST be treated as malformed" (RFC 9113 §8.2.2)
  ["connection", FieldKind.Malformed],
  ["keep-alive", FieldKind.Malformed],
  ["proxy-connection", FieldKind.Malformed],
  ["transfer-encoding", FieldKind.Malformed],
  ["upgrade", FieldKind.Malformed],
]);

const UPPER_CASE = /[A-Z]/;

/** What a field is; `FieldKind.Malformed` for one that makes its message malformed. */
export function kindOf(field: HeaderField): number {
  if (field.note === FieldKind.Unknown) field.note = findKind(field);
  return field.note;
}

function findKind({ name, value }: HeaderField): FieldKind {
  // "A field value MUST NOT contain the zero value (ASCII NUL), line feed, or carriage return at any position
  // [and] MUST NOT start or end with an ASCII whitespace character" (RFC 9113 §8.2.1); other control
  // characters are refused as over HTTP/1
  if (!isFieldValue(value)) return FieldKind.Malformed;
  const kind = KINDS.get(name);
  if (kind !== undefined) return kind;
  // "A field name MUST NOT contain characters in the ranges 0x00-0x20, 0x41-0x5a, or 0x7f-0xff"
  // (RFC 9113 §8.2.1)
  if (!isToken(name) || UPPER_CASE.test(name)) return FieldKind.Malformed;
  // "the TE header field [...] MAY be present in an HTTP/2 request; when it is, it MUST NOT contain any value
  // other than "trailers"" (RFC 9113 §8.2.2)
  if (name === "te" && value.toLowerCase() !== "trailers") return FieldKind.Malformed;
  return FieldKind.Plain;
}

/** The regular fields of a list, as a handler sees them. */
export class RequestFields implements FieldLines {
  readonly #fields: readonly HeaderField[];
  readonly #first: number;
  readonly #host: string | null;

  /**
   * @param fields the list
   * @param first where its pseudo-header fields end
   * @param host what stands for `host` where the list has none: the authority, as RFC 9113 §8.3.1 wants it
   * for HTTP/1.1
   */
  constructor(fields: readonly HeaderField[], first = 0, host: string | null = null) {
    this.#fields = fields;
    this.#first = first;
    this.#host = host;
  }

  /** The combined value of a field, by its name in lower case. */
  get(name: string): string | null {
    if (name === "cookie") return this.#joinCookies();
    let combined: string | null = null;
    for (let index = this.#first; index < this.#fields.length; index++) {
      const field = this.#fields[index]!;
      if (field.name === name) combined = combined === null ? field.value : `${combined}, ${field.value}`;
    }
    return combined === null && name === "host" ? this.#host : combined;
  }

  /**
   * Every line in its order; `host` in front where the peer sent `:authority` alone, cookie crumbs joined.
   */
  toPairs(): (readonly [name: string, value: string])[] {
    const pairs: (readonly [name: string, value: string])[] = [];
    if (this.#host !== null) pairs.push(["host", this.#host]);
    let hasCookie = false;
    for (const { name, value } of this.#fields.slice(this.#first)) {
      if (name !== "cookie") pairs.push([name, value]);
      else if (!hasCookie) {
        hasCookie = true;
        pairs.push([name, this.#joinCookies()!]);
      }
    }
    return pairs;
  }

  // "If there are multiple Cookie header fields after decompression, these MUST be concatenated into a single
  // octet string using the two-octet delimiter of 0x3b, 0x20 (the ASCII string "; ")" (RFC 9113 §8.2.3)
  #joinCookies(): string | null {
    const crumbs: string[] = [];
    for (let index = this.#first; index < this.#fields.length; index++) {
      const field = this.#fields[index]!;
      if (field.name === "cookie") crumbs.push(field.value);
    }
    return crumbs.length === 0 ? null : crumbs.join("; ");
  }
}
