/**
 * The request target (RFC 9112 §3.2) and `Host` (RFC 9110 §7.2).
 *
 * @module
 */

import { HttpError } from "../../errors.ts";
import {
  authorityForm,
  AuthorityParser,
  checkPath,
  parseAuthority,
  type RequestTarget,
} from "../authority.ts";
import { ownPart } from "../latin1.ts";
import type { RequestHead } from "./head.ts";

/**
 * Checks target and `Host` against each other and finds what they point to.
 *
 * @param head the head that they came in
 * @param scheme the connection's: `http` or `https`
 * @param fallback gives the authority for an HTTP/1.0 request without `Host`: the address that it came to
 * @param authorities remembers hosts
 * @throws {HttpError} 400; 421 for a target of another scheme
 */
export function resolveTarget(
  head: RequestHead,
  scheme: string,
  fallback: () => string,
  authorities: AuthorityParser = new AuthorityParser(scheme),
): RequestTarget {
  const host = checkHost(head, authorities);
  const { method, target } = head;
  if (method === "CONNECT") return { authority: authorityForm(target, scheme), path: "/", host: target };
  const authority = host ?? fallback();
  if (target.charCodeAt(0) === 0x2f) return { authority, path: checkPath(target) };
  if (target === "*") {
    if (method !== "OPTIONS") throw bad("The target * is for OPTIONS alone", "RFC 9112 §3.2.4");
    return { authority, path: "/" };
  }
  return absoluteForm(target, scheme);
}

/**
 * "A server MUST respond with a 400 (Bad Request) status code to any HTTP/1.1 request message that lacks a Host header
 * field and to any request message that contains more than one Host header field line or a Host header field with an
 * invalid field value." (RFC 9112 §3.2)
 */
function checkHost(head: RequestHead, authorities: AuthorityParser): string | undefined {
  const { host } = head.control;
  if (head.hostCount > 1) throw bad("More than one Host", "RFC 9112 §3.2");
  if (host !== undefined) return authorities.parse(host);
  if (head.minor === 1) throw bad("No Host", "RFC 9112 §3.2");
  return undefined;
}

// absolute-form = absolute-URI (RFC 9112 §3.2.2): "an origin server MUST ignore the received Host header field (if any) and
// instead use the host information of the request-target"
const ABSOLUTE = /^([a-z][a-z0-9+.-]*):\/\/([^/?]*)(.*)$/i;

function absoluteForm(target: string, scheme: string): RequestTarget {
  const match = ABSOLUTE.exec(target);
  if (match === null) throw bad("The target has no form that the method allows", "RFC 9112 §3.2");
  const [, given = "", , rest = ""] = match;
  const host = ownPart(match[2]!, target.length);
  // "a request for an "https" resource MUST be rejected unless it has been received over a connection that
  // has been secured" (RFC 9110 §7.4)
  if (given.toLowerCase() !== scheme) {
    throw new HttpError(421, `The target's scheme is not that of the connection (RFC 9110 §15.5.20)`);
  }
  // userinfo: "ought to [...] treat its presence as an error" (RFC 9110 §4.2.4); a host has no "@"
  const authority = parseAuthority(host, scheme);
  return { authority, path: checkPath(rest.startsWith("/") ? rest : `/${rest}`), host };
}

function bad(what: string, section: string): HttpError {
  return new HttpError(400, `${what} (${section})`);
}
