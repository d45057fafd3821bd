/** The command line of the testbed. */
import { defaultOptions, type OptionsInit, resolveOptions } from "../../mod.ts";

/** What the command line asks for. */
export interface Flags {
  /** The TCP listener, or `null` when there is only a unix socket. */
  readonly tcp: { readonly hostname: string; readonly port: number } | null;
  /** The path of the unix socket, or `null`. */
  readonly unix: string | null;
  /** The files of certificate and key for the TCP listener, or `null` for none. */
  readonly tls: { readonly cert: string; readonly key: string } | null;
  readonly reusePort: boolean;
  readonly accessLog: boolean;
  readonly compress: boolean;
  readonly options: OptionsInit;
}

/** A command line that makes no sense; the message is for whoever typed it. */
export class FlagError extends Error {
  override readonly name = "FlagError";
}

/** Flags with a value, and what stands for them while they are read. */
const VALUED = ["--port", "--hostname", "--cert", "--key", "--unix"] as const;
const SWITCHES = {
  "--reuse-port": ["reusePort", true],
  "--access-log": ["accessLog", true],
  "--websocket": ["websocket", true],
  "--no-websocket": ["websocket", false],
  "--compress": ["compress", true],
  "--no-compress": ["compress", false],
} as const;
/** CONNECT reaches the handler only where it is listed, and with it all others that are to. */
const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"].concat(
  ["PROPFIND", "PROPPATCH", "MKCOL", "COPY", "MOVE", "LOCK", "UNLOCK", "REPORT", "SEARCH", "PURGE", "QUERY"],
);
const LATER = ["--client-ca", "--sni", "--proxy-protocol"];

type Valued = typeof VALUED[number];
type Switch = keyof typeof SWITCHES;

/**
 * Reads the command line. `--name value` and `--name=value` are the same.
 *
 * @throws {FlagError} for an unknown flag or option, and for a value that is not allowed
 */
export function parseFlags(args: readonly string[]): Flags {
  const values = new Map<Valued, string>();
  const switches = { reusePort: false, accessLog: false, websocket: true, compress: true };
  const options: [name: string, value: unknown][] = [["allowedMethods", METHODS]];
  const rest = [...args];
  for (let flag = rest.shift(); flag !== undefined; flag = rest.shift()) {
    const [name = "", inline] = splitOnce(flag);
    if (LATER.includes(name)) throw new FlagError(`${name} comes with a later version`);
    if (isSwitch(name) && inline === undefined) {
      const [member, value] = SWITCHES[name];
      switches[member] = value;
      continue;
    }
    if (!isValued(name) && name !== "--option") throw new FlagError(`unknown flag: ${flag}`);
    const value = inline ?? rest.shift();
    if (value === undefined) throw new FlagError(`${name} needs a value`);
    if (name === "--option") options.push(parseOption(value));
    else values.set(name, value);
  }
  return { ...listeners(values), ...switches, options: checkedOptions(options) };
}

function listeners(values: ReadonlyMap<Valued, string>): Pick<Flags, "tcp" | "unix" | "tls"> {
  const unix = values.get("--unix") ?? null;
  const [cert, key] = [values.get("--cert"), values.get("--key")];
  if ((cert === undefined) !== (key === undefined)) {
    throw new FlagError("--cert and --key are given together or not at all");
  }
  const port = values.get("--port");
  if (port === undefined && unix === null) throw new FlagError("--port or --unix is needed");
  const tcp = port === undefined ? null : {
    hostname: values.get("--hostname") ?? "127.0.0.1",
    port: parsePort(port),
  };
  if (tcp === null && cert !== undefined) throw new FlagError("--cert and --key need --port");
  return { tcp, unix, tls: cert === undefined || key === undefined ? null : { cert, key } };
}

function parsePort(text: string): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65535) {
    throw new FlagError(`--port is ${JSON.stringify(text)}, but must be 0 to 65535`);
  }
  return Number(text);
}

/** `NAME=VALUE`, the value read by what it looks like. */
function parseOption(text: string): [name: string, value: unknown] {
  const [name, value] = splitOnce(text);
  if (value === undefined) throw new FlagError(`--option ${text}: NAME=VALUE is needed`);
  if (!Object.hasOwn(defaultOptions, name)) throw new FlagError(`--option ${text}: there is no such option`);
  return [name, name === "allowedMethods" && value !== "none" ? value.split(",") : optionValue(value)];
}

function optionValue(text: string): unknown {
  if (text === "none") return null;
  if (text === "true" || text === "false") return text === "true";
  const budget = /^(\d+)\/(\d+)$/.exec(text); // BURST/PERSECOND
  if (budget !== null) return { burst: Number(budget[1]), perSecond: Number(budget[2]) };
  return /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : text;
}

function checkedOptions(entries: readonly [name: string, value: unknown][]): OptionsInit {
  const options: OptionsInit = Object.fromEntries(entries);
  try {
    resolveOptions(options);
  } catch (error) {
    throw new FlagError(`--option ${error instanceof Error ? error.message : error}`);
  }
  return options;
}

function splitOnce(text: string): [before: string, after: string | undefined] {
  const at = text.indexOf("=");
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

function isSwitch(name: string): name is Switch {
  return Object.hasOwn(SWITCHES, name);
}

function isValued(name: string): name is Valued {
  return VALUED.some((valued) => valued === name);
}
