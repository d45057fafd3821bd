/**
 * The options of a server: each limit with its unit, its default, and what the peer sees beyond the limit.
 *
 * @module
 */

import {
  always,
  boolean,
  budget,
  type Check,
  frozenCopy,
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
import type { Budget } from "./base/token_bucket.ts";

export type { Budget };

/**
 * The options in force on a listener or a client, for as long as it lives. Times are in milliseconds, sizes
 * in bytes; `Infinity` stands for a limit that is absent.
 */
export interface Options {
  /**
   * Limits how many connections may be open at once. A closed TLS connection counts until Deno frees its
   * socket. When exceeded: further connections wait in the system's queue and are not accepted.
   * Others: amphp 10 000 and later 1000, nginx 512 a worker, Node none.
   * @default {10000}
   */
  readonly connectionLimit: number;
  /**
   * Limits how many connections an IPv4 address or an IPv6 /56 may have open; not those of loopback and unix
   * sockets. When exceeded: a further one is closed at once, but over TLS counts until the peer has left.
   * Others: amphp 30 and later 10; nobody else has one.
   * @default {30}
   */
  readonly connectionsPerIpLimit: number;
  /**
   * Limits how many handlers may run at once, over all connections of the server. Clients share the places
   * fairly (`server/README.md`): one client alone can take 382 of 1000, all clients of one network (an IPv4
   * address, an IPv6 /56, a proxy) together half. On loopback and unix sockets each connection counts alone.
   * A handler keeps its place until its promise settles, even after its client has left (CVE-2025-8671). When
   * exceeded: further requests wait.
   * Others: amphp 1000, Go none.
   * @default {1000}
   */
  readonly handlerLimit: number;
  /**
   * Limits how many requests may wait for a handler at once, over all connections of the server. Clients
   * share these places as they share handlers. When exceeded: 503 with `retry-after`.
   * Others: IIS 1000, Envoy 1024, Tomcat 100.
   * @default {10000}
   */
  readonly handlerQueueLimit: number;
  /**
   * Limits how long a request may wait for a handler, in milliseconds. When exceeded: 503 with `retry-after`.
   * Others: HAProxy as long as it waits for a connection to a server.
   * @default {15000}
   */
  readonly handlerQueueTimeout: number;
  /**
   * Limits how long a TLS handshake may take, in milliseconds. When exceeded: the connection is closed, but
   * it counts until the peer has left, because Deno keeps its socket until then.
   * Others: amphp 5 s, uWebSockets 10 s, nginx 60 s, Node 120 s.
   * @default {5000}
   */
  readonly tlsSetupTimeout: number;
  /**
   * Limits how long a whole request head may take, in milliseconds; no byte extends it. The time of the first
   * head begins with the connection, that of a later one with its first byte. HTTP/2 applies the limit to the
   * preface, to each frame and field block, and to the acknowledgement of SETTINGS.
   * When exceeded: 408, closed; GOAWAY over HTTP/2.
   * Others: uWebSockets 10 s, Apache 20 to 40 s, nginx, Node and Caddy 60 s, Deno.serve none.
   * @default {15000}
   */
  readonly headerTimeout: number;
  /**
   * Limits how long an HTTP/1 connection may idle between requests, in milliseconds. When exceeded: closed.
   * Others: Node and Apache 5 s, amphp 15 s, nginx 75 s, Deno.serve none.
   * @default {15000}
   */
  readonly http1Timeout: number;
  /**
   * Limits how long an HTTP/2 connection may be idle, in milliseconds. When exceeded: GOAWAY, closed.
   * Others: amphp 60 s, nginx 75 s, Envoy 1 h.
   * @default {60000}
   */
  readonly http2Timeout: number;
  /**
   * Limits how long a body that is awaited, or a response, may make no progress, in milliseconds. A slow
   * reader may have longer (`minimumResponseRate`). When exceeded: 408 while no response has begun, else
   * closed; RST_STREAM over HTTP/2.
   * Others: amphp 15 s, nginx 60 s, Envoy 5 min, Deno.serve none.
   * @default {15000}
   */
  readonly streamTimeout: number;
  /**
   * Requires a rate of request bodies, in bytes per second, once `minimumBodyRateGrace` has passed; 0 or
   * `null` requires none. When a body is slower: 408; over HTTP/1 the connection is closed.
   * Others: Kestrel 240, Apache 500, uWebSockets 16 KiB/s.
   * @default {240}
   */
  readonly minimumBodyRate: number;
  /**
   * Sets how long the server may wait for a body before `minimumBodyRate` is required of it, in milliseconds.
   * Others: Kestrel 5 s, Apache 20 s.
   * @default {5000}
   */
  readonly minimumBodyRateGrace: number;
  /**
   * Sets the lowest rate at which a peer may read a response, in bytes per second; 0 or `null` for none. The
   * systems of both sides hold up to 4 MiB of a response, and take more only when a third of that was read.
   * So a peer that takes nothing for `streamTimeout` still has the time for this third at this rate, but at
   * most 100 clients of a server at once have it. When exceeded: closed.
   * Others: Kestrel, IIS 240 of what the server holds; nginx, Caddy, Apache 60 s without progress.
   * @default {2048}
   */
  readonly minimumResponseRate: number;
  /**
   * Limits how long a stop waits for running exchanges, in milliseconds, those included whose client has left
   * but whose handler runs. When exceeded: all connections are closed.
   * Others: amphp 3 s, Caddy and Kubernetes 30 s, Deno.serve without end.
   * @default {30000}
   */
  readonly shutdownTimeout: number;
  /**
   * Limits the size of a request head, in bytes, from the request line to the empty line. When exceeded: 431;
   * over HTTP/1 the connection is closed.
   * Others: amphp 32 KiB, Node 16 KiB, nginx 4 fields of 8 KiB, Deno.serve 64 KiB.
   * @default {32768}
   */
  readonly headerSizeLimit: number;
  /**
   * Limits how many field lines a head or a trailer section may have. Over HTTP/2 each part of a split
   * `cookie` counts. When exceeded: 431; over HTTP/1 the connection is closed.
   * Others: Apache, hyper, Envoy 100; Deno.serve 128; nginx 1000; Node 2000.
   * @default {100}
   */
  readonly headerCountLimit: number;
  /**
   * Limits the length of a request target, in bytes. When exceeded: 414; HTTP/1 closes the connection.
   * Others: Apache 8190, nginx 8 KiB.
   * @default {8192}
   */
  readonly targetSizeLimit: number;
  /**
   * Limits the size of a trailer section, in bytes. When exceeded: 431; over HTTP/1 the connection is closed.
   * Others: amphp 32 KiB, with the head's limit.
   * @default {8192}
   */
  readonly trailerSizeLimit: number;
  /**
   * Limits the line of a chunk with size, extensions and CRLF, in bytes. When exceeded: 400, closed.
   * Others: Go and Deno.serve 4096, Apache 8190, Node and hyper 16 KiB.
   * @default {4096}
   */
  readonly chunkLineSizeLimit: number;
  /**
   * Limits by how many bytes the chunk lines of a body may outweigh its content. When exceeded: 400, closed.
   * Others: hyper 16 KiB of extensions, h2o 100 KB.
   * @default {16384}
   */
  readonly chunkOverheadLimit: number;
  /**
   * Limits how many bytes of an unread HTTP/1 body are received and dropped to keep the connection usable.
   * When exceeded: the connection ends with the response.
   * Others: Go and Caddy 256 KiB, nginx and Apache all of it.
   * @default {262144}
   */
  readonly drainLimit: number;
  /**
   * Limits how long an ended connection waits for the peer to end its side, in milliseconds. Without the wait
   * the peer could lose the response to a reset. Bytes that the peer sends meanwhile are dropped, up to
   * `drainLimit`; more stay in the system, which holds the peer back. When exceeded: closed.
   * Others: Go 0.5 s, Apache 2 s, nginx 5 s.
   * @default {2000}
   */
  readonly lingerTimeout: number;
  /**
   * Limits the size of a request body, in bytes. A handler may change the limit for its request
   * (`exchange.bodySizeLimit`). When exceeded: 413; over HTTP/1 the connection is closed.
   * Others: nginx 1 MiB, Bun 128 MiB, Apache 1 GiB, Node and Deno.serve none.
   * @default {10485760}
   */
  readonly bodySizeLimit: number;
  /**
   * Limits how many requests one connection may send. When reached: the response to the last of them says
   * `connection: close`; GOAWAY over HTTP/2.
   * Others: Apache 100, nginx 1000, Node none.
   * @default {Infinity}
   */
  readonly requestLimit: number;
  /**
   * Limits how many streams of an HTTP/2 connection may be open, or have a running handler, at once. When
   * exceeded: RST_STREAM with REFUSED_STREAM.
   * Others: Apache, h2o, HAProxy 100; nginx 128; hyper 200; Go 250.
   * @default {100}
   */
  readonly concurrentStreamLimit: number;
  /**
   * Limits the bytes of responses that wait on an HTTP/2 connection because its peer has not taken them. Bytes.
   * When exceeded: further requests of the connection wait, and are refused with RST_STREAM of REFUSED_STREAM
   * once the peer has taken less than 1 KiB for `streamTimeout`.
   * Others: hyper 400 KiB a stream, Node 10 MB, Go none.
   * @default {1048576}
   */
  readonly unsentLimit: number;
  /**
   * Sets how many bytes may wait for a slow peer on a connection, or for a slow handler in a request body,
   * before their producer is held back.
   * Others: Aerys 128 KiB.
   * @default {131072}
   */
  readonly softStreamCap: number;
  /**
   * Sets up to which size, in bytes, an HTTP/1 chunk reaches the handler in one piece. The parts of a larger
   * chunk are handed on as they arrive.
   * Others: amphp 8 KiB.
   * @default {8192}
   */
  readonly streamThreshold: number;
  /**
   * Limits how many bytes one read of a connection may take. A connection begins with 4 KiB and adapts.
   * Others: amphp 8 KiB, nginx 64 KiB.
   * @default {65536}
   */
  readonly chunkSize: number;
  /**
   * Sets the flow-control window of each HTTP/2 stream: how many bytes of a body a client may send before the
   * handler reads them. When exceeded: RST_STREAM with FLOW_CONTROL_ERROR.
   * Others: nginx, Node, Apache 64 KiB; hyper, Go 1 MiB; Envoy 16 MiB.
   * @default {262144}
   */
  readonly streamWindowSize: number;
  /**
   * Sets the flow-control window of a whole HTTP/2 connection, in bytes, for all streams together; at least
   * 65535. When exceeded: GOAWAY with FLOW_CONTROL_ERROR.
   * Others: Node 64 KiB; hyper, Go 1 MiB; Envoy 24 MiB.
   * @default {1048576}
   */
  readonly connectionWindowSize: number;
  /**
   * Sets after how many milliseconds with a shut send window the rate of an HTTP/2 response is checked. When
   * it was sent slower than `minimumBodyRate` in that time: RST_STREAM. `streamTimeout` applies as well.
   * Others: h2o 10 s, Envoy 5 min.
   * @default {30000}
   */
  readonly windowStallTimeout: number;
  /**
   * Limits the CONTINUATION frames behind one HEADERS frame. When exceeded: GOAWAY with ENHANCE_YOUR_CALM.
   * Others: Envoy and nghttp2 8, sozu 20.
   * @default {8}
   */
  readonly continuationFrameLimit: number;
  /**
   * Limits how often the peer may reset streams (CVE-2023-44487). When exceeded: GOAWAY with
   * ENHANCE_YOUR_CALM.
   * Others: nghttp2 1000 and 33/s, sozu 100/s.
   * @default {{ burst: 100, perSecond: 20 }}
   */
  readonly peerResetBudget: Budget;
  /**
   * Limits how often the peer may make the server reset a stream, or refuse one beyond a limit that the peer
   * has acknowledged (CVE-2025-8671). When exceeded: GOAWAY with ENHANCE_YOUR_CALM.
   * Others: hyper 1024 in all, sozu 500 in all.
   * @default {{ burst: 100, perSecond: 10 }}
   */
  readonly ownResetBudget: Budget;
  /**
   * Limits HTTP/2 streams that are reset because the peer does not open a window, or refused because it does not
   * take earlier responses. When exceeded: GOAWAY with ENHANCE_YOUR_CALM.
   * Others: none.
   * @default {{ burst: 50, perSecond: 0.02 }}
   */
  readonly stallBudget: Budget;
  /**
   * Limits PING and SETTINGS frames (CVE-2019-9512, CVE-2019-9515). Each DATA frame that the server sends
   * gives one token back. When exceeded: GOAWAY with ENHANCE_YOUR_CALM.
   * Others: nghttp2 1000 waiting, Go 10 000 waiting.
   * @default {{ burst: 50, perSecond: 10 }}
   */
  readonly controlFrameBudget: Budget;
  /**
   * Limits DATA frames that are empty, or that carry fewer than 5 bytes while more than 1 KiB of the body is
   * unread (CVE-2019-9518). A frame of 256 bytes or more gives one token back. When exceeded: GOAWAY with
   * ENHANCE_YOUR_CALM.
   * Others: hyper 100, Envoy 1 in a row.
   * @default {{ burst: 100, perSecond: 0 }}
   */
  readonly emptyFrameBudget: Budget;
  /**
   * Limits PRIORITY, WINDOW_UPDATE and unknown frames, which may serve nothing (CVE-2019-9513). Each DATA
   * frame that the server sends gives four tokens back. When exceeded: GOAWAY with ENHANCE_YOUR_CALM.
   * Others: Envoy and nghttp2 10 000 and 330/s.
   * @default {{ burst: 1000, perSecond: 100 }}
   */
  readonly oddityBudget: Budget;
  /**
   * Chooses the versions: `true` for HTTP/1 and HTTP/2, `false` for HTTP/1 alone, `"only"` for HTTP/2 alone.
   * @default {true}
   */
  readonly http2: boolean | "only";
  /**
   * Allows `Upgrade: h2c` to HTTP/2 on connections without TLS.
   * @default {false}
   */
  readonly http2Upgrade: boolean;
  /**
   * Allows `exchange.push()` to push to HTTP/2 clients that accept pushes.
   * @default {true}
   */
  readonly push: boolean;
  /**
   * Offers extended CONNECT over HTTP/2 (RFC 8441), which WebSocket needs there.
   * @default {false}
   */
  readonly extendedConnect: boolean;
  /**
   * Lists the methods that reach a handler; `null` stands for all but CONNECT and TRACE, which have to be
   * listed. (With `null` an extended CONNECT reaches it too, because only `extendedConnect` offers it.) Any
   * other method is answered 405 with `allow`, or 501 where neither RFC 9110 nor the list knows it.
   * Others: Deno.serve any; Node any, but CONNECT has its own listener; nginx neither CONNECT nor TRACE.
   * @default {null}
   */
  readonly allowedMethods: readonly string[] | null;
  /**
   * Decides about a request whose client ends its side (TCP FIN) before it has the response.
   *
   * `"abort"`: the client counts as gone, and `request.signal` aborts at once. If the handler returns a
   * response all the same, the response is sent. A stream that is being sent ends over HTTP/2; over HTTP/1 it
   * goes on until it gives nothing for a second.
   *
   * `"answer"`: the client counts as waiting, and `request.signal` aborts only when a write shows that the
   * client has left. So that there is a write, each half second `102 (Processing)` is sent over HTTP/1.1, and
   * PING over HTTP/2.
   * Others: Go, Node and Deno.serve abort; nginx closes unless configured otherwise; hyper has `half_close`.
   * @default {"abort"}
   */
  readonly halfClose: "abort" | "answer";
  /**
   * Sets the value of the `server` field of each response; `null` sends no such field.
   * @default {null}
   */
  readonly serverHeader: string | null;
}

/** How long a connection that has sent no request may still send one when it is stopped, in milliseconds. */
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
 * Options that differ from the defaults, or from the server's. An option that is left out, or `undefined`, is
 * inherited. Where a limit may be absent, `Infinity` and `null` both remove it.
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
  unsentLimit: 1_048_576,
  softStreamCap: 131_072,
  streamThreshold: 8_192,
  chunkSize: 65_536,
  streamWindowSize: 262_144,
  connectionWindowSize: 1_048_576,
  windowStallTimeout: 30_000,
  continuationFrameLimit: 8,
  peerResetBudget: Object.freeze({ burst: 100, perSecond: 20 }),
  ownResetBudget: Object.freeze({ burst: 100, perSecond: 10 }),
  stallBudget: Object.freeze({ burst: 50, perSecond: 0.02 }),
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
  unsentLimit: always(integer(0)),
  softStreamCap: always(integer(1)),
  streamThreshold: always(integer(1)),
  chunkSize: always(integer(1)),
  streamWindowSize: window(1),
  connectionWindowSize: window(65_535),
  windowStallTimeout: time,
  continuationFrameLimit: always(integer(1)),
  peerResetBudget: budget,
  ownResetBudget: budget,
  stallBudget: budget,
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
 * @param init the options that differ
 * @param base the options to inherit
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
    given.push([name, frozenCopy(saysNone(value) ? check.none ?? value : value)]);
  }
  return given.length === 0 ? base : Object.freeze({ ...base, ...Object.fromEntries(given) });
}

function isOptionName(name: string): name is keyof Options {
  return Object.hasOwn(CHECKS, name);
}
