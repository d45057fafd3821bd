/**
 * `DENO_SERVE_ADDRESS`: where a program is to serve, whatever it says itself. It is read as `Deno.serve`
 * reads it: for the first server of a program, and in the forms `tcp:127.0.0.1:8000`, `tcp:[::1]:8000` and
 * `unix:/run/app.sock`, before which `duplicate,` keeps the program's own address as well.
 *
 * @module
 */

import type { Place } from "./place.ts";

const NAME = "DENO_SERVE_ADDRESS";

/** What the environment says. */
export interface ServeAddress {
  /** The address that is asked for. */
  readonly place: Pick<Place, "hostname" | "port" | "path">;
  /** Whether the program's own address is served as well. */
  readonly isFurther: boolean;
}

// The environment is for the process, and so is what was made of it.
let isTaken = false;

/**
 * The address of the environment, for the first caller only; `null` where there is none, or where the
 * environment may not be read without a question. An address that cannot be served is reported on the
 * console, and otherwise ignored, as `Deno.serve` does.
 */
export function takeServeAddress(): ServeAddress | null {
  if (isTaken || !mayRead()) return null;
  const text = Deno.env.get(NAME);
  if (text === undefined) return null;
  isTaken = true;
  const address = parseServeAddress(text);
  if (address === null) {
    const forms = "tcp:ADDRESS:PORT or unix:PATH, each also behind duplicate,";
    console.error(`${NAME} is ${JSON.stringify(text)}, but must be ${forms}: it is ignored`);
  }
  return address;
}

function mayRead(): boolean {
  return Deno.permissions.querySync({ name: "env", variable: NAME }).state === "granted";
}

/**
 * Parses the value of the variable; `null` for what is no address, or one of a kind that cannot be served.
 */
export function parseServeAddress(text: string): ServeAddress | null {
  const [, further, kind, rest = ""] = /^(duplicate,)?(tcp|unix):(.+)$/s.exec(text) ?? [];
  if (kind === undefined) return null;
  const place = kind === "unix" ? { path: rest } : parseSocketAddress(rest);
  return place === null ? null : { place, isFurther: further !== undefined };
}

/** An IPv4 address, or an IPv6 address in brackets, and a port. */
function parseSocketAddress(text: string): { hostname: string; port: number } | null {
  const [, ipv4, ipv6, port = ""] = /^(?:([\d.]+)|\[([\da-fA-F:.]+)\]):(\d{1,5})$/.exec(text) ?? [];
  const hostname = ipv4 ?? ipv6;
  if (hostname === undefined || Number(port) > 65_535) return null;
  if (ipv4 !== undefined && !isIpv4(ipv4)) return null;
  return { hostname, port: Number(port) };
}

function isIpv4(text: string): boolean {
  const parts = text.split(".");
  return parts.length === 4 && parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) <= 255);
}
