/**
 * Where a request is for: authority and path (RFC 9110 §7.1), however a version of HTTP writes them.
 *
 * The web's `URL` is only given what was checked before: it would rewrite or take for a host what is neither.
 *
 * @module
 */

import { HttpError } from "../errors.ts";

/** A checked target: where it points, without a scheme, which is the connection's. */
export interface RequestTarget {
  /** Host and port in the normal form of the web's `URL`, the port left out where it is the scheme's. */
  readonly authority: string;
  /** Path and query as received; `"/"` for `*` and CONNECT. */
  readonly path: string;
  /** The authority as the target has it, where that replaces the received `Host`; else left out. */
  readonly host?: string;
}

// uri-host = IP-literal / IPv4address / reg-name; reg-name = *( unreserved / pct-encoded / sub-delims ) (RFC 3986 §3.2.2)
const HOST = /^(?:\[[0-9A-Fa-f:.]+\]|(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+)(?::[0-9]*)?$/;

// Hosts and ports that the web's URL gives back as they are: names with no label that it would read as a number or decode,
// IPv4 addresses, and ports without leading zeros that are neither scheme's own.
const PLAIN_NAME = "(?:(?!xn--)[a-z0-9-]+\\.)*(?!xn--)[a-z][a-z0-9-]*";
const IPV4_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])";
const PLAIN_PORT = "(?::(?!80$|443$)(?:[1-5][0-9]{4}|[1-9][0-9]{0,3}))?";
const PLAIN_AUTHORITY = new RegExp(
  `^(?:${PLAIN_NAME}|${IPV4_OCTET}(?:\\.${IPV4_OCTET}){3})${PLAIN_PORT}$`,
);

/** Remembers the last host of a connection: it seldom changes. */
export class AuthorityParser {
  readonly #scheme: string;
  #value = "";
  #authority = "";

  /** Parses for the scheme of one connection. */
  constructor(scheme: string) {
    this.#scheme = scheme;
  }

  /** As {@link parseAuthority}. */
  parse(value: string): string {
    if (value !== this.#value || value === "") {
      this.#authority = parseAuthority(value, this.#scheme);
      this.#value = value;
    }
    return this.#authority;
  }
}

/**
 * Parses `uri-host [ ":" port ]` (RFC 9110 §7.2) into its normal form.
 *
 * @throws {HttpError} 400; also for an empty host, which no http(s) URI has (RFC 9110 §4.2.1)
 */
export function parseAuthority(value: string, scheme: string): string {
  if (PLAIN_AUTHORITY.test(value)) return value;
  const url = HOST.test(value) ? parseUrl(`${scheme}://${value}/`) : null;
  if (url === null) throw bad("Host is not a host and port", "RFC 9112 §3.2");
  return url.host;
}

// authority-form = uri-host ":" port (RFC 9112 §3.2.3); "a server MUST reject a CONNECT request that targets an empty or
// invalid port number" (RFC 9110 §9.3.6)
/**
 * Parses the target of CONNECT.
 *
 * @throws {HttpError} 400
 */
export function authorityForm(target: string, scheme: string): string {
  if (!/:[0-9]{1,5}$/.test(target) || !HOST.test(target)) {
    throw bad("The target of CONNECT is not a host and port", "RFC 9112 §3.2.3");
  }
  return parseAuthority(target, scheme);
}

// absolute-path [ "?" query ] (RFC 9112 §3.2.1). A "\" in the path would become a "/" in the web's URL.
/**
 * Checks a path and query, and gives them back.
 *
 * @throws {HttpError} 400
 */
export function checkPath(path: string): string {
  const backslash = path.indexOf("\\");
  if (backslash < 0) return path;
  const query = path.indexOf("?");
  if (query < 0 || backslash < query) throw bad("The path has a backslash", "RFC 9112 §3.2.1");
  return path;
}

// What the web's URL would leave as it is: no dot segment, encoded or not, and nothing that it percent-encodes.
const NORMAL_PATH =
  /^\/(?:[A-Za-z0-9_~!$&()*+,;=:@/-]|[A-Za-z0-9_~!$&()*+,;=:@-]\.|%(?!2[Ee])[0-9A-Fa-f]{2})*(?:\?[A-Za-z0-9._~!$&()*+,;=:@/?%-]*)?$/;

/** The target URI in the form that the web's `URL` gives. */
export function targetUri(scheme: string, target: RequestTarget): string {
  const text = `${scheme}://${target.authority}${target.path}`;
  return NORMAL_PATH.test(target.path) ? text : parseUrl(text)?.href ?? text;
}

function parseUrl(text: string): URL | null {
  return URL.parse(text);
}

function bad(what: string, section: string): HttpError {
  return new HttpError(400, `${what} (${section})`);
}
