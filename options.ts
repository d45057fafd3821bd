/**
 * The options of a server: every limit and timeout, with its unit, its default and what the peer sees when it is exceeded.
 *
 * @module
 */

import {
  always,
  boolean,
  budget,
  type Check,
  halfClose,
  http2,
  integer,
  type LimitCheck,
  methods,
  minimumRate,
  orNone,
  saysNone,
  serverHeader,
  setting,
  show,
  time,
  timeOrZero,
  window,
} from "./base/option_checks.ts";
import { hintFor } from "./base/option_hints.ts";

/** How often something may happen: `burst` times at once, and `perSecond` times a second in the long run. */
export interface Budget {
  /** How many at once. */
  readonly burst: number;
  /** How many are given back in a second. */
  readonly perSecond: number;
}

/**
 * The options in force on a listener or a client. They do not change while it lives. Times are in milliseconds, sizes in
 * bytes; a limit that is not there is `Infinity`.
 */
export interface Options {
  /**
   * Connections that are open at once; one over TLS that was closed counts until the platform lets go of its
   * socket. When exceeded: further ones wait in the system's queue and are not accepted.
   * Others: amphp 10 000 and later 1000, nginx 512 a worker, Node none.
   * @default {10000}
   */
  readonly connectionLimit: number;
  /**
   * Connections from one address: IPv4 by address, IPv6 by /56; loopback and unix sockets are exempt. When
   * exceeded: a further one is closed as soon as it is accepted (over TLS it counts until the peer has left).
   * Others: amphp 30 and later 10; nobody else has one.
   * @default {30}
   */
  readonly connectionsPerIpLimit: number;
  /**
   * Handlers that run at once, over all connections of the server. They are shared fairly
   * (`server/README.md`): a client may have such a part of the free places as the free places are of all, on
   * the average of its own and those of its network (IPv4 by address, IPv6 by /56; on loopback and unix
   * sockets each connection by itself). So a client alone comes to 382 of 1000, and the clients of one
   * network, or behind one proxy, to half. A handler has its place until its promise settles, even if its
   * client has left (CVE-2025-8671). When exceeded: further requests wait.
   * Others: amphp 1000, Go none.
   * @default {1000}
   */
  readonly handlerLimit: number;
  /**
   * Requests that wait for a handler at once, over all connections of the server; shared as the handlers are.
   * When exceeded: 503 with `retry-after`.
   * Others: IIS 1000, Envoy 1024, Tomcat 100.
   * @default {10000}
   */
  readonly handlerQueueLimit: number;
  /**
   * For which a request may wait for a handler. Milliseconds. When exceeded: 503 with `retry-after`.
   * Others: HAProxy the time for a connection to a server.
   * @default {15000}
   */
  readonly handlerQueueTimeout: number;
  /**
   * For the TLS handshake. Milliseconds. When exceeded: the connection is closed. Deno keeps its socket until the
   * peer has left, and it counts until then.
   * Others: amphp 5 s, uWebSockets 10 s, nginx 60 s, Node 120 s.
   * @default {5000}
   */
  readonly tlsSetupTimeout: number;
  /**
   * For a whole head: from the connection's beginning for the first, from its first byte for the others. No byte
   * extends it. Over HTTP/2: for the preface, for each frame and field block, and for the acknowledgement of SETTINGS.
   * Milliseconds. When exceeded: 408, closed; GOAWAY over HTTP/2.
   * Others: uWebSockets 10 s, Apache 20 to 40 s, nginx, Node and Caddy 60 s, Deno.serve none.
   * @default {15000}
   */
  readonly headerTimeout: number;
  /**
   * For which an HTTP/1 connection may be idle between requests. Milliseconds. When exceeded: closed.
   * Others: Node and Apache 5 s, amphp 15 s, nginx 75 s, Deno.serve none.
   * @default {15000}
   */
  readonly http1Timeout: number;
  /**
   * For which an HTTP/2 connection may be idle. Milliseconds. When exceeded: GOAWAY, closed.
   * Others: amphp 60 s, nginx 75 s, Envoy 1 h.
   * @default {60000}
   */
  readonly http2Timeout: number;
  /**
   * Without any progress on a request body that is awaited, or on a response that the peer does not take.
   * Milliseconds. When exceeded: 408 while no response has begun, else closed; RST_STREAM over HTTP/2. A peer
   * whose system holds much of a response has longer (`minimumResponseRate`).
   * Others: amphp 15 s, nginx 60 s, Envoy 5 min, Deno.serve none.
   * @default {15000}
   */
  readonly streamTimeout: number;
  /**
   * The least rate of a request body, in bytes per second, once `minimumBodyRateGrace` has passed; 0 (or `null`) for none.
   * Bytes. When exceeded: 408, closed.
   * Others: Kestrel 240, Apache 500, uWebSockets 16 KiB/s.
   * @default {240}
   */
  readonly minimumBodyRate: number;
  /**
   * For which `minimumBodyRate` is not asked of a body. Milliseconds. When exceeded: nothing by itself.
   * Others: Kestrel 5 s, Apache 20 s.
   * @default {5000}
   */
  readonly minimumBodyRateGrace: number;
  /**
   * The least rate at which a peer reads a response, in bytes per second; 0 (or `null`) for none. The systems
   * of both sides hold up to 4 MiB of a response, and take more when a third of that was read. So a peer that
   * takes nothing for longer than `streamTimeout` still has as long as a third of what was taken lasts at
   * this rate. That holds for 100 clients of a server at a time. Bytes. When exceeded: closed.
   * Others: Kestrel and IIS 240, over what the server itself holds; nginx, Caddy and Apache 60 s without
   * progress.
   * @default {2048}
   */
  readonly minimumResponseRate: number;
  /**
   * For which running exchanges may go on when the server is stopped. Milliseconds. When exceeded: what is left is
   * cut.
   * Handlers whose client has left are waited for as well.
   * Others: amphp 3 s, Caddy and Kubernetes 30 s, Deno.serve without end.
   * @default {30000}
   */
  readonly shutdownTimeout: number;
  /**
   * The largest head, from the request line to the empty line. Bytes. When exceeded: 431, closed.
   * Others: amphp 32 KiB, Node 16 KiB, nginx 4 fields of 8 KiB, Deno.serve 64 KiB.
   * @default {32768}
   */
  readonly headerSizeLimit: number;
  /**
   * Field lines in a head or trailer section; cookie crumbs count over HTTP/2. When exceeded: 431, closed.
   * Others: Apache, hyper, Envoy 100; Deno.serve 128; nginx 1000; Node 2000.
   * @default {100}
   */
  readonly headerCountLimit: number;
  /**
   * The longest request target. Bytes. When exceeded: 414, closed.
   * Others: Apache 8190, nginx 8 KiB.
   * @default {8192}
   */
  readonly targetSizeLimit: number;
  /**
   * The largest trailer section. Bytes. When exceeded: 431, closed.
   * Others: amphp 32 KiB, with the head's limit.
   * @default {8192}
   */
  readonly trailerSizeLimit: number;
  /**
   * The longest line with a chunk's size and extensions, its CRLF included. Bytes. When exceeded: 400, closed.
   * Others: Go and Deno.serve 4096, Apache 8190, Node and hyper 16 KiB.
   * @default {4096}
   */
  readonly chunkLineSizeLimit: number;
  /**
   * What the chunk lines and CRLFs of a body may have beyond the size of its content. Bytes. When exceeded: 400, closed.
   * Others: hyper 16 KiB of extensions, h2o 100 KB.
   * @default {16384}
   */
  readonly chunkOverheadLimit: number;
  /**
   * How much of a body that nobody read is read and dropped, so that the connection lives on. Bytes. When
   * exceeded: the connection ends with the response.
   * Others: Go and Caddy 256 KiB, nginx and Apache all of it.
   * @default {262144}
   */
  readonly drainLimit: number;
  /**
   * For which a connection that was ended waits for the peer to end its side, so that the response is not
   * lost to a reset. Milliseconds. When exceeded: closed. What the peer sends in that time is dropped, up to
   * `drainLimit`; more waits in the system, which holds the peer back.
   * Others: Go 0.5 s, Apache 2 s, nginx 5 s.
   * @default {2000}
   */
  readonly lingerTimeout: number;
  /**
   * The largest request body; a handler may raise it for its request (`exchange.bodySizeLimit`).
   * Bytes. When exceeded: 413, closed.
   * Others: nginx 1 MiB, Bun 128 MiB, Apache 1 GiB, Node and Deno.serve none.
   * @default {10485760}
   */
  readonly bodySizeLimit: number;
  /**
   * Requests on one connection. When exceeded: the last response says `connection: close`; GOAWAY over HTTP/2.
   * Others: Apache 100, nginx 1000, Node none.
   * @default {Infinity}
   */
  readonly requestLimit: number;
  /**
   * HTTP/2 streams that are open, or whose handler runs, at once. When exceeded: RST_STREAM with REFUSED_STREAM.
   * Others: Apache, h2o, HAProxy 100; nginx 128; hyper 200; Go 250.
   * @default {100}
   */
  readonly concurrentStreamLimit: number;
  /**
   * Bytes that may wait in one direction of a connection before whoever makes them is held back. Bytes. When
   * exceeded: backpressure.
   * Others: Aerys 128 KiB.
   * @default {131072}
   */
  readonly softStreamCap: number;
  /**
   * Chunks of a request body up to this size are handed on when they are complete. Bytes. When exceeded: nothing:
   * they are gathered.
   * Others: amphp 8 KiB.
   * @default {8192}
   */
  readonly streamThreshold: number;
  /**
   * The largest read; a connection begins with 4 KiB and adapts. Bytes. When exceeded: nothing: it takes more
   * reads.
   * Others: amphp 8 KiB, nginx 64 KiB.
   * @default {65536}
   */
  readonly chunkSize: number;
  /**
   * How much of a request body an HTTP/2 client may send ahead of the handler that reads it, on each stream. Bytes.
   * When exceeded: RST_STREAM with FLOW_CONTROL_ERROR.
   * Others: nginx, Node, Apache 64 KiB; hyper, Go 1 MiB; Envoy 16 MiB.
   * @default {262144}
   */
  readonly streamWindowSize: number;
  /**
   * The same for all streams of an HTTP/2 connection together; at least 65535. Bytes. When exceeded: GOAWAY with
   * FLOW_CONTROL_ERROR.
   * Others: Node 64 KiB; hyper, Go 1 MiB; Envoy 24 MiB.
   * @default {1048576}
   */
  readonly connectionWindowSize: number;
  /**
   * For which an HTTP/2 stream may live while its window is shut, whatever WINDOW_UPDATE frames come.
   * Milliseconds. When exceeded: RST_STREAM.
   * Others: h2o 10 s, Envoy 5 min.
   * @default {30000}
   */
  readonly windowStallTimeout: number;
  /**
   * CONTINUATION frames behind one HEADERS frame. When exceeded: GOAWAY with ENHANCE_YOUR_CALM.
   * Others: Envoy and nghttp2 8, sozu 20.
   * @default {8}
   */
  readonly continuationFrameLimit: number;
  /**
   * Streams that the peer resets (CVE-2023-44487). When exceeded: GOAWAY with ENHANCE_YOUR_CALM.
   * Others: nghttp2 1000 and 33/s, sozu 100/s.
   * @default {{ burst: 100, perSecond: 20 }}
   */
  readonly peerResetBudget: Budget;
  /**
   * Streams that the peer makes the server reset, or refuse though it knows the limit (CVE-2025-8671). When exceeded:
   * GOAWAY with ENHANCE_YOUR_CALM.
   * Others: hyper 1024 in all, sozu 500 in all.
   * @default {{ burst: 100, perSecond: 10 }}
   */
  readonly ownResetBudget: Budget;
  /**
   * PING and SETTINGS frames (CVE-2019-9512, CVE-2019-9515); each DATA frame that is sent gives one back. When exceeded:
   * GOAWAY with ENHANCE_YOUR_CALM.
   * Others: nghttp2 1000 waiting, Go 10 000 waiting.
   * @default {{ burst: 50, perSecond: 10 }}
   */
  readonly controlFrameBudget: Budget;
  /**
   * DATA frames that are empty, or of less than 5 bytes behind a kilobyte that nobody has read (CVE-2019-9518); each of
   * 256 bytes or more gives one back. When exceeded: GOAWAY with ENHANCE_YOUR_CALM.
   * Others: hyper 100, Envoy 1 in a row.
   * @default {{ burst: 100, perSecond: 0 }}
   */
  readonly emptyFrameBudget: Budget;
  /**
   * Whatever else is allowed and may be pointless: PRIORITY, WINDOW_UPDATE, unknown frames (CVE-2019-9513); each DATA
   * frame that is sent gives four back. When exceeded: GOAWAY with ENHANCE_YOUR_CALM.
   * Others: Envoy and nghttp2 10 000 and 330/s.
   * @default {{ burst: 1000, perSecond: 100 }}
   */
  readonly oddityBudget: Budget;
  /**
   * Whether HTTP/2 is spoken: beside HTTP/1, not at all, or alone.
   *
   * @default {true}
   */
  readonly http2: boolean | "only";
  /**
   * Whether `Upgrade: h2c` is taken on connections without TLS.
   *
   * @default {false}
   */
  readonly http2Upgrade: boolean;
  /**
   * Whether `exchange.push()` pushes to clients that take it.
   *
   * @default {true}
   */
  readonly push: boolean;
  /**
   * Whether extended CONNECT (RFC 8441) is offered over HTTP/2.
   *
   * @default {false}
   */
  readonly extendedConnect: boolean;
  /**
   * The methods that reach a handler, or `null` for all but CONNECT and TRACE, which have to be listed. (With
   * `null` an extended CONNECT reaches it too, because only `extendedConnect` offers it.) When exceeded: 405
   * with `allow`; 501 for methods that neither RFC 9110 nor the list knows (RFC 9110 §9.1).
   * Others: Deno.serve any; Node any, but CONNECT has its own listener; nginx neither CONNECT nor TRACE.
   * @default {null}
   */
  readonly allowedMethods: readonly string[] | null;
  /**
   * Says what becomes of a request whose client ends its side (TCP FIN) before it has the response.
   *
   * `"abort"`: the client counts as gone. `request.signal` aborts at once. A response that the handler gives all the same is still
   * sent. Over HTTP/1 a stream under way goes on unless it gives nothing for a second; over HTTP/2 it ends.
   *
   * `"answer"`: the client counts as waiting. `request.signal` aborts only when writing shows that it is gone, so a client that waits
   * is sent `102 (Processing)` each half second over HTTP/1.1, and PING over HTTP/2.
   *
   * Others: Go, Node and Deno.serve abort; nginx closes unless it is told not to; hyper has `half_close`.
   *
   * @default {"abort"}
   */
  readonly halfClose: "abort" | "answer";
  /**
   * The value of the `server` field, or `null` for none.
   *
   * @default {null}
   */
  readonly serverHeader: string | null;
}

/** How long a connection without a request may go on to send its first one when it is to be stopped, in milliseconds. */
export function firstRequestGrace({ headerTimeout }: Options): number {
  return Math.min(headerTimeout, 15_000) / 20; // a client whose first request fails gives up
}

/** The limits that may be absent; the others bound what the server holds in memory for a peer. */
export type OptionalLimit =
  | `${string}Timeout`
  | `${string}Budget`
  | `minimumBodyRate${string}`
  | `handler${string}`
  | "connectionLimit"
  | "connectionsPerIpLimit"
  | "drainLimit"
  | "bodySizeLimit"
  | "requestLimit";

/**
 * Options that differ from the defaults, or from the server's. What is left out, or `undefined`, is inherited.
 * `Infinity` and `null` both say that there is no limit, wherever a limit may be absent.
 */
export type OptionsInit = {
  readonly [Name in keyof Options]?: Options[Name] | (Name extends OptionalLimit ? null : never) | undefined;
};

/** The options that are in force when none are given. */
export const defaultOptions: Options = Object.freeze({
  connectionLimit: 10_000,
  connectionsPerIpLimit: 30,
  handlerLimit: 1_000,
  handlerQueueLimit: 10_000,
  handlerQueueTimeout: 15_000,
  tlsSetupTimeout: 5_000,
  headerTimeout: 15_000,
  http1Timeout: 15_000,
  http2Timeout: 60_000,
  streamTimeout: 15_000,
  minimumBodyRate: 240,
  minimumBodyRateGrace: 5_000,
  minimumResponseRate: 2_048,
  shutdownTimeout: 30_000,
  headerSizeLimit: 32_768,
  headerCountLimit: 100,
  targetSizeLimit: 8_192,
  trailerSizeLimit: 8_192,
  chunkLineSizeLimit: 4_096,
  chunkOverheadLimit: 16_384,
  drainLimit: 262_144,
  lingerTimeout: 2_000,
  bodySizeLimit: 10_485_760,
  requestLimit: Infinity,
  concurrentStreamLimit: 100,
  softStreamCap: 131_072,
  streamThreshold: 8_192,
  chunkSize: 65_536,
  streamWindowSize: 262_144,
  connectionWindowSize: 1_048_576,
  windowStallTimeout: 30_000,
  continuationFrameLimit: 8,
  peerResetBudget: Object.freeze({ burst: 100, perSecond: 20 }),
  ownResetBudget: Object.freeze({ burst: 100, perSecond: 10 }),
  controlFrameBudget: Object.freeze({ burst: 50, perSecond: 10 }),
  emptyFrameBudget: Object.freeze({ burst: 100, perSecond: 0 }),
  oddityBudget: Object.freeze({ burst: 1000, perSecond: 100 }),
  http2: true,
  http2Upgrade: false,
  push: true,
  extendedConnect: false,
  allowedMethods: null,
  halfClose: "abort",
  serverHeader: null,
});

const CHECKS: { readonly [Name in keyof Options]: Name extends OptionalLimit ? LimitCheck : Check } = {
  connectionLimit: orNone(integer(1)),
  connectionsPerIpLimit: orNone(integer(1)),
  handlerLimit: orNone(integer(1)),
  handlerQueueLimit: orNone(integer(0)),
  handlerQueueTimeout: time,
  tlsSetupTimeout: time,
  headerTimeout: time,
  http1Timeout: time,
  http2Timeout: time,
  streamTimeout: time,
  minimumBodyRate: minimumRate,
  minimumBodyRateGrace: time,
  minimumResponseRate: minimumRate,
  shutdownTimeout: timeOrZero,
  headerSizeLimit: setting,
  headerCountLimit: always(integer(1)),
  targetSizeLimit: always(integer(1)),
  trailerSizeLimit: always(integer(1)),
  chunkLineSizeLimit: always(integer(1)),
  chunkOverheadLimit: always(integer(1)),
  drainLimit: orNone(integer(0)),
  lingerTimeout: timeOrZero,
  bodySizeLimit: orNone(integer(0)),
  requestLimit: orNone(integer(1)),
  concurrentStreamLimit: setting,
  softStreamCap: always(integer(1)),
  streamThreshold: always(integer(1)),
  chunkSize: always(integer(1)),
  streamWindowSize: window(1),
  connectionWindowSize: window(65_535),
  windowStallTimeout: time,
  continuationFrameLimit: always(integer(1)),
  peerResetBudget: budget,
  ownResetBudget: budget,
  controlFrameBudget: budget,
  emptyFrameBudget: budget,
  oddityBudget: budget,
  http2,
  http2Upgrade: boolean,
  push: boolean,
  extendedConnect: boolean,
  allowedMethods: methods,
  halfClose,
  serverHeader,
};

/**
 * Checks options and completes them.
 *
 * @param init what differs
 * @param base what is inherited
 * @returns all options, frozen
 * @throws {TypeError} for a name that is no option
 * @throws {RangeError} for a value that is not allowed
 *
 * @example
 * ```ts
 * import { resolveOptions } from "@drover/http";
 *
 * const options = resolveOptions({ headerTimeout: 5000 });
 * console.log(options.headerTimeout, options.http1Timeout); // 5000 15000
 * ```
 */
export function resolveOptions(init: OptionsInit, base: Options = defaultOptions): Options {
  const given: [string, unknown][] = [];
  for (const [name, value] of Object.entries(init)) {
    if (value === undefined) continue;
    if (!isOptionName(name)) {
      throw new TypeError(`There is no option ${name}: ${hintFor(name, Object.keys(CHECKS))}`);
    }
    const check: Check & Partial<LimitCheck> = CHECKS[name];
    const allowed = check(value);
    if (allowed !== null) throw new RangeError(`${name} is ${show(value)}, but must be ${allowed}`);
    given.push([name, copy(saysNone(value) ? check.none ?? value : value)]);
  }
  return given.length === 0 ? base : Object.freeze({ ...base, ...Object.fromEntries(given) });
}

function isOptionName(name: string): name is keyof Options {
  return Object.hasOwn(CHECKS, name);
}

/** A value that whoever gave it cannot change any more. */
function copy(value: unknown): unknown {
  if (Array.isArray(value)) return Object.freeze([...value]);
  return typeof value === "object" && value !== null ? Object.freeze({ ...value }) : value;
}
