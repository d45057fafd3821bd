/**
 * What may be said of a socket when it is made.
 *
 * @module
 */

import type { Budget } from "../options.ts";

/** What may be said of a socket when it is made. */
export interface WebSocketOptions {
  /** The subprotocol, one of those that the client has named. */
  readonly protocol?: string | undefined;
  /**
   * Seconds after which a peer that sends nothing is given up; the server sends a ping after half of them. 0
   * (or `Infinity` or `null`) for never. A peer that takes what was sent to it, slowly, while the server
   * waits for that, counts as one that sends. When exceeded: the connection is closed, and the socket has
   * 1006.
   * Others: Deno 30 s, uWebSockets and Bun 120 s, ws none.
   *
   * @default {120}
   */
  readonly idleTimeout?: number | null | undefined;
  /**
   * The largest message that is taken, in bytes, inflated and with all its fragments. A compressed message is
   * inflated in one go, a mebibyte in about 2 ms, in which nobody else is served. When exceeded: the socket
   * fails with 1009.
   * Others: Deno 64 MiB, Bun 16 MiB, uWebSockets 16 KiB, ws 100 MiB.
   *
   * @default {1048576}
   */
  readonly maxMessageSize?: number | undefined;
  /**
   * Whether messages are compressed (RFC 7692) where the client offers it. Of the messages that the server
   * sends, those from 1 KiB to 1 MiB are compressed: a smaller one is not worth it, and a larger one would
   * keep everybody else waiting.
   *
   * @default {true}
   */
  readonly compress?: boolean | undefined;
  /**
   * Bytes that may wait to be sent (`socket.bufferedAmount`) when `send()` is called; `Infinity` or `null`
   * for no limit. A single message may be larger. The server stops reading once 1 MiB waits, or half of this
   * where it is less, so that an echo never gets here; it is for handlers that send of their own accord and
   * do not await `socket.drained`. When exceeded: the connection is closed, and the socket has `error` and
   * 1006, as the web's class when its buffer is full.
   * Others: uWebSockets 64 KiB and Bun 16 MiB, beyond which messages are dropped; Deno and ws none.
   *
   * @default {16777216}
   */
  readonly maxBufferedAmount?: number | null | undefined;
  /**
   * Frames that give the handler nothing: pings, pongs, and fragments without a byte in the middle of a
   * message. Each ping is answered while there are tokens. `null` for no limit. When exceeded: the socket
   * fails with 1008.
   * Others: none count them.
   *
   * @default {{ burst: 100, perSecond: 20 }}
   */
  readonly pingBudget?: Budget | null | undefined;
  /**
   * Bytes that messages of the peer are inflated to. `null` for no limit. When exceeded: the socket does not
   * read until the budget has filled up again. It is not closed, because a client that sends well compressed
   * messages over a fast line is no attacker.
   * Others: none count them.
   *
   * @default {{ burst: 33554432, perSecond: 16777216 }}
   */
  readonly inflateBudget?: Budget | null | undefined;
}

/** Options that are complete. */
export interface SocketSettings {
  /** See {@link WebSocketOptions}; in milliseconds, 0 for never. */
  readonly idleTimeout: number;
  /** See {@link WebSocketOptions}. */
  readonly maxMessageSize: number;
  /** See {@link WebSocketOptions}. */
  readonly compress: boolean;
  /** See {@link WebSocketOptions}; `Infinity` for no limit. */
  readonly maxBufferedAmount: number;
  /** See {@link WebSocketOptions}. */
  readonly pingBudget: Budget | null;
  /** See {@link WebSocketOptions}. */
  readonly inflateBudget: Budget | null;
}

const LONGEST_IDLE = 2_000_000;
const MEBIBYTE = 1024 * 1024;
const PING_BUDGET: Budget = { burst: 100, perSecond: 20 };
const INFLATE_BUDGET: Budget = { burst: 32 * MEBIBYTE, perSecond: 16 * MEBIBYTE };

/**
 * Checks options and completes them.
 *
 * @throws {RangeError} for a value that is not allowed
 */
export function resolveSocketOptions(options: WebSocketOptions): SocketSettings {
  const { maxMessageSize = MEBIBYTE, compress = true } = options;
  const idleTimeout = orNone(options.idleTimeout, 120, 0);
  const pingBudget = orNone(options.pingBudget, PING_BUDGET, null);
  const inflateBudget = orNone(options.inflateBudget, INFLATE_BUDGET, null);
  const maxBufferedAmount = orNone(options.maxBufferedAmount, 16 * MEBIBYTE, Infinity);
  const seconds = `0 to ${LONGEST_IDLE} seconds, or Infinity or null for no limit`;
  check("idleTimeout", idleTimeout, isIn(idleTimeout, 0, LONGEST_IDLE), seconds);
  check("maxMessageSize", maxMessageSize, isCount(maxMessageSize), "0 or more bytes");
  const isAmount = isCount(maxBufferedAmount) || maxBufferedAmount === Infinity;
  check(
    "maxBufferedAmount",
    maxBufferedAmount,
    isAmount,
    "0 or more bytes, or Infinity or null for no limit",
  );
  const none = "or Infinity or null for no limit";
  check("pingBudget", pingBudget, isBudget(pingBudget, 0), `{ burst, perSecond }, both 0 or more, ${none}`);
  // Without tokens that come back the socket would never read again.
  check(
    "inflateBudget",
    inflateBudget,
    isBudget(inflateBudget, 1),
    `{ burst, perSecond }, from 1 on, ${none}`,
  );
  return {
    idleTimeout: idleTimeout * 1000,
    maxMessageSize,
    compress,
    maxBufferedAmount,
    pingBudget,
    inflateBudget,
  };
}

/** The value of an option, its default, or what stands for no limit. */
function orNone<T, N>(value: T | null | undefined, standard: T, none: N): T | N {
  if (value === null || value === Infinity) return none;
  return value === undefined ? standard : value;
}

function check(name: string, value: unknown, fine: boolean, allowed: string): void {
  if (fine) return;
  const shown = typeof value === "number" ? value : JSON.stringify(value);
  throw new RangeError(`${name} is ${shown}, but must be ${allowed}`);
}

function isIn(value: unknown, least: number, most: number): boolean {
  return typeof value === "number" && value >= least && value <= most;
}

function isCount(value: unknown): boolean {
  return Number.isInteger(value) && isIn(value, 0, Infinity);
}

function isBudget(value: unknown, least: number): boolean {
  if (value === null) return true;
  const { burst, perSecond } = Object(value) as Partial<Budget>;
  return isIn(burst, least, Infinity) && isIn(perSecond, least, Number.MAX_VALUE);
}
