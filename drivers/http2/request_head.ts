/**
 * The head of a request (RFC 9113 §8.3): pseudo-header fields, and what the regular ones say to a server.
 *
 * "Malformed requests or responses that are detected MUST be treated as a stream error of type
 * PROTOCOL_ERROR" (RFC 9113 §8.1.1).
 *
 * @module
 */

import { HttpError } from "../../errors.ts";
import { isTrailerAllowed, isTrailerHarmful } from "../../trailer_fields.ts";
import { authorityForm, type AuthorityParser, checkPath, type RequestTarget } from "../authority.ts";
import { parseContentLength } from "../content_length.ts";
import { ErrorCode, StreamError } from "./error_code.ts";
import type { HeaderList } from "./hpack/decoder.ts";
import type { HeaderField } from "./hpack/header_field.ts";
import { isToken } from "../../headers.ts";
import { parsePriority, type Priority, UNSIGNALED } from "./priority.ts";
import { FieldKind, kindOf, RequestFields } from "./request_fields.ts";

/** A checked request head. */
export interface RequestHead {
  /** The method. */
  readonly method: string;
  /** `:path`, or `:authority` for CONNECT. */
  readonly target: string;
  /** Where it points. */
  readonly resolved: RequestTarget;
  /** The `:protocol` of an extended CONNECT (RFC 8441 §4), or `null`. */
  readonly protocol: string | null;
  /** The regular fields. */
  readonly fields: RequestFields;
  /** The declared length of the body, or `null`. */
  readonly contentLength: number | null;
  /** Whether the client waits for `100 (Continue)`. */
  readonly expectsContinue: boolean;
  /** How urgent the response is. */
  readonly priority: Priority;
}

/** What a head is checked against. */
export interface HeadContext {
  /** The stream. */
  readonly streamId: number;
  /** The connection's scheme. */
  readonly scheme: string;
  /** Remembers hosts. */
  readonly authorities: AuthorityParser;
  /** The longest target, in bytes. */
  readonly targetSizeLimit: number;
  /** Whether extended CONNECT is offered. */
  readonly extendedConnect: boolean;
}

/** The pseudo-header and control fields of a request, as they are found. */
interface Found {
  method: string | undefined;
  scheme: string | undefined;
  authority: string | undefined;
  path: string | undefined;
  protocol: string | undefined;
  host: string | undefined;
  contentLength: string | undefined;
  expect: string | undefined;
  priority: string | undefined;
  first: number;
}

/**
 * Checks the list of a request.
 *
 * @throws {StreamError} PROTOCOL_ERROR where it is malformed
 * @throws {HttpError} 400, 413, 414, 417 where it is well-formed and cannot be served
 */
export function parseRequestHead({ fields }: HeaderList, context: HeadContext): RequestHead {
  const found = findFields(fields, context.streamId);
  const { method, expect, contentLength, priority } = found;
  if (method === undefined || !isToken(method)) {
    throw malformed(context, "There is no :method, or none that is a token", "8.3.1");
  }
  checkProtocol(found, context);
  const resolved = resolve(found, context);
  return {
    method,
    target: found.path ?? found.authority!,
    resolved,
    protocol: found.protocol ?? null,
    fields: new RequestFields(fields, found.first, found.host === undefined ? found.authority! : null),
    contentLength: contentLength === undefined ? null : declaredLength(contentLength, context),
    expectsContinue: expect !== undefined && checkExpectation(expect),
    priority: priority === undefined ? UNSIGNALED : parsePriority(priority),
  };
}

function findFields(fields: readonly HeaderField[], streamId: number): Found {
  const found: Found = {
    method: undefined,
    scheme: undefined,
    authority: undefined,
    path: undefined,
    protocol: undefined,
    host: undefined,
    contentLength: undefined,
    expect: undefined,
    priority: undefined,
    first: fields.length,
  };
  for (let index = 0; index < fields.length; index++) {
    const field = fields[index]!;
    const kind = kindOf(field);
    if (kind === FieldKind.Malformed) {
      throw malformed({ streamId }, `${show(field.name)} may not be there, or not so`, "8.2");
    }
    if (kind >= FieldKind.Method && kind <= FieldKind.Protocol) {
      // "All pseudo-header fields sent [...] MUST appear [...] before all regular field lines"
      // (RFC 9113 §8.3)
      if (found.first < index) throw malformed({ streamId }, `${field.name} behind a regular field`, "8.3");
    } else if (found.first > index) found.first = index;
    if (kind !== FieldKind.Plain) note(found, kind, field, streamId);
  }
  return found;
}

// "The same pseudo-header field name MUST NOT appear more than once in a field block." (RFC 9113 §8.3); of
// the other fields here two would be a riddle, but for a priority (RFC 9218 §4: a dictionary may be split)
function note(found: Found, kind: number, field: HeaderField, streamId: number): void {
  const member = MEMBERS[kind];
  if (member === undefined) return;
  const before = found[member];
  if (before === undefined) found[member] = field.value;
  else if (kind === FieldKind.Priority) found.priority = `${before}, ${field.value}`;
  else throw malformed({ streamId }, `${field.name} is there twice`, "8.3");
}

const MEMBERS: readonly (Exclude<keyof Found, "first"> | undefined)[] = listMembers();

function listMembers(): (Exclude<keyof Found, "first"> | undefined)[] {
  const members: (Exclude<keyof Found, "first"> | undefined)[] = [];
  members[FieldKind.Method] = "method";
  members[FieldKind.Scheme] = "scheme";
  members[FieldKind.Authority] = "authority";
  members[FieldKind.Path] = "path";
  members[FieldKind.Protocol] = "protocol";
  members[FieldKind.ContentLength] = "contentLength";
  members[FieldKind.Host] = "host";
  members[FieldKind.Expect] = "expect";
  members[FieldKind.Priority] = "priority";
  return members;
}

// "the :protocol pseudo-header field MAY be included" only "upon receiving SETTINGS_ENABLE_CONNECT_PROTOCOL",
// and only on CONNECT (RFC 8441 §3, §4)
function checkProtocol({ method, protocol }: Found, context: HeadContext): void {
  if (protocol === undefined) return;
  if (method !== "CONNECT" || !context.extendedConnect || !isToken(protocol)) {
    throw malformed(context, ":protocol is not allowed here", "8.3, RFC 8441 §4");
  }
}

function resolve(found: Found, context: HeadContext): RequestTarget {
  const { method, authority, path, scheme, host, protocol } = found;
  if (method === "CONNECT" && protocol === undefined) return resolveConnect(found, context);
  if (scheme === undefined || path === undefined) {
    throw malformed(context, "There is no :scheme or :path", "8.3.1");
  }
  // A proxy that ends TLS says "https" over a connection without: which of the two it says changes nothing.
  if (scheme !== "http" && scheme !== "https") {
    throw malformed(context, ":scheme is neither http nor https", "8.3.1");
  }
  checkTargetPath(path, method!, context);
  return {
    authority: resolveAuthority(authority, host, context),
    path: path === "*" ? "/" : checkPath(path),
  };
}

// "The ":scheme" and ":path" pseudo-header fields MUST be omitted. [...] A CONNECT request that does not
// conform to these restrictions is malformed" (RFC 9113 §8.5)
function resolveConnect({ authority, path, scheme, host }: Found, context: HeadContext): RequestTarget {
  if (authority === undefined || path !== undefined || scheme !== undefined) {
    throw malformed(context, "CONNECT needs :authority, and neither :scheme nor :path", "8.5");
  }
  const resolved = authorityForm(authority, context.scheme);
  resolveAuthority(authority, host, context);
  return { authority: resolved, path: "/" };
}

// The characters of `drivers/grammar.ts` TARGET_BYTE; ":path" "MUST NOT be empty for "http" or "https" URIs"
// (RFC 9113 §8.3.1)
const PATH = /^\/[!"$-;=?-~]*$/;

function checkTargetPath(path: string, method: string, context: HeadContext): void {
  if (path === "*" && method === "OPTIONS") return;
  if (!PATH.test(path)) throw malformed(context, ":path is no path", "8.3.1");
  if (path.length > context.targetSizeLimit) {
    throw new HttpError(
      414,
      `The target is longer than ${context.targetSizeLimit} bytes (RFC 9110 §15.5.15)`,
    );
  }
}

// "The authority MUST NOT include the deprecated userinfo subcomponent"; "A server SHOULD treat a request as
// malformed if it contains a Host header field that identifies an entity that differs from the entity in the
// ":authority"" (RFC 9113 §8.3.1)
function resolveAuthority(
  authority: string | undefined,
  host: string | undefined,
  context: HeadContext,
): string {
  const given = authority ?? host;
  if (given === undefined) throw malformed(context, "There is neither :authority nor host", "8.3.1");
  try {
    const resolved = context.authorities.parse(given);
    if (host === undefined || host === given || context.authorities.parse(host) === resolved) return resolved;
  } catch {
    throw malformed(context, ":authority or host is not a host and port", "8.3.1");
  }
  throw malformed(context, "host differs from :authority", "8.3.1");
}

function declaredLength(value: string, context: HeadContext): number {
  try {
    return parseContentLength(value);
  } catch (error) {
    if (error instanceof HttpError && error.status === 413) throw error;
    throw malformed(context, "content-length is no length", "8.1.1");
  }
}

function checkExpectation(expect: string): boolean {
  if (expect.toLowerCase() === "100-continue") return true;
  throw new HttpError(417, "An expectation other than 100-continue (RFC 9110 §10.1.1)");
}

/**
 * Checks the list of a trailer section, which is counted as a header list is (RFC 9113 §6.5.2).
 *
 * @param list the decoded block
 * @param streamId the stream
 * @param limit the size that it may have, in bytes
 * @throws {StreamError} PROTOCOL_ERROR: "Trailers MUST NOT include pseudo-header fields" (RFC 9113 §8.1), nor
 * those that frame, route or authenticate (RFC 9110 §6.5.1); others that may not be there are dropped
 */
export function parseTrailers(
  { fields, tooLarge }: HeaderList,
  streamId: number,
  limit: number,
): RequestFields {
  let size = 0;
  for (const field of fields) {
    size += field.size;
    const kind = kindOf(field);
    if (kind === FieldKind.Malformed || field.name.startsWith(":") || isTrailerHarmful(field.name)) {
      throw malformed({ streamId }, `${show(field.name)} may not stand in a trailer section`, "8.1");
    }
  }
  if (tooLarge || size > limit) throw malformed({ streamId }, "The trailer section is too large", "10.5.1");
  const allowed = fields.every(({ name }) => isTrailerAllowed(name));
  return new RequestFields(allowed ? fields : fields.filter(({ name }) => isTrailerAllowed(name)));
}

function malformed({ streamId }: { readonly streamId: number }, what: string, section: string): StreamError {
  return new StreamError(
    streamId,
    ErrorCode.PROTOCOL_ERROR,
    `Malformed request: ${what} (RFC 9113 §${section})`,
  );
}

function show(name: string): string {
  return JSON.stringify(name.slice(0, 40));
}
