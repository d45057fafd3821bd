/**
 * How an HTTP/1 connection becomes one of another protocol: by the preface that it begins with, or by `Upgrade: h2c`.
 *
 * @module
 */

import type { RequestMessage } from "../../message.ts";
import type { HttpDriver } from "../driver.ts";
import type { InputBuffer } from "../input_buffer.ts";
import { listElements } from "../list_field.ts";
import type { RequestHead } from "./head.ts";

/** What an HTTP/1 connection may hand over to. */
export interface Http1Successor {
  /** Bytes that a connection of the other protocol begins with. */
  readonly preface: Uint8Array;
  /** The driver for a connection that began with them. */
  afterPreface(): HttpDriver;
  /** The driver for a connection that was upgraded by a request, with its `HTTP2-Settings`; `null` where these are none. */
  afterUpgrade(settings: Uint8Array, request: RequestMessage): HttpDriver | null;
}

/** Whether what has come is a preface, is none, or may become one. */
export function matchPreface(
  { bytes, start, length }: InputBuffer,
  preface: Uint8Array,
): boolean | undefined {
  const count = Math.min(length, preface.length);
  for (let index = 0; index < count; index++) {
    if (bytes[start + index] !== preface[index]) return false;
  }
  return length >= preface.length ? true : undefined;
}

// "A server MUST NOT upgrade the connection to HTTP/2 if this header field is not present or if more than one is present"; both
// options stand in `Connection`, since neither field may be passed on.
const NEEDED_OPTIONS = ["upgrade", "http2-settings"];

/**
 * The settings of a request that asks for HTTP/2 by `Upgrade: h2c`; `null` for any other. RFC 9113 §3.1 has made the mechanism
 * obsolete, so that a server is free to ignore what is not in order.
 */
export function upgradeSettings({ control, minor, fields }: RequestHead): Uint8Array | null {
  const { upgrade, connection } = control;
  // "A server MUST ignore an Upgrade header field that is received in an HTTP/1.0 request." (RFC 9110 §7.8)
  if (upgrade === undefined || connection === undefined || minor === 0) return null;
  if (!listElements(upgrade).includes("h2c")) return null;
  const given = listElements(connection);
  if (!NEEDED_OPTIONS.every((option) => given.includes(option))) return null;
  const settings = fields.get("http2-settings");
  return settings === null ? null : decodeSettings(settings);
}

// HTTP2-Settings = token68, base64url without padding; a list of several is none
const BASE64URL = /^(?:[A-Za-z0-9_-]{4})*(?:[A-Za-z0-9_-]{2,3})?$/;

function decodeSettings(value: string): Uint8Array | null {
  if (!BASE64URL.test(value)) return null;
  const text = atob(value.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
