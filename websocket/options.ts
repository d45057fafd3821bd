/**
 * The options of one WebSocket: their units, their defaults, and what the peer sees beyond each limit.
 *
 * @module
 */

import type { Budget } from "../options.ts";

/** The options of one WebSocket, given to `upgradeWebSocket()`. */
export interface WebSocketOptions {
  /** Selects the subprotocol, which must be one that the client has named. None is selected by default. */
  readonly protocol?: string | undefined;
  /**
   * Limits how long a peer may send nothing, in seconds; 0, `Infinity` or `null` for no limit. After half of
   * this time the server sends a ping. While the server has stopped reading because much waits to be sent, a
   * peer that takes some of it counts as one that sends. When exceeded: the connection is closed, and `close`
   * has the code 1006.
   * Others: Deno 30 s, uWebSockets and Bun 120 s, ws none.
   *
   * @default {120}
   */
  readonly idleTimeout?: number | null | undefined;
  /**
   * Limits the size of a message of the peer, in bytes, inflated and with all fragments. A compressed message
   * is inflated in one call, which stops the whole process for about 2 ms per MiB. When exceeded: the socket
   * closes with 1009.
   * Others: Deno 64 MiB, Bun 16 MiB, uWebSockets 16 KiB, ws 100 MiB.
   *
   * @default {1048576}
   */
  readonly maxMessageSize?: number | undefined;
  /**
   * Allows compression (RFC 7692) where the client offers it. The server compresses messages of 1 KiB to
   * 1 MiB, because compressing a smaller one gains little, and a larger one would keep other clients waiting.
   *
   * @default {true}
   */
  readonly compress?: boolean | undefined;
  /**
   * Limits how many bytes may wait to be sent (`socket.bufferedAmount`) when `send()` is called; `Infinity`
   * or `null` for no limit. A single message may be larger. An echo never reaches the limit, because the
   * server stops reading once 1 MiB, or half of this limit if that is less, waits. A handler that sends on
   * its own has to await `socket.drained`. When exceeded: the connection is closed, and the socket has
   * `error`, and `close` with the code 1006.
   * Others: uWebSockets 64 KiB and Bun 16 MiB, beyond which messages are dropped; Deno and ws none.
   *
   * @default {16777216}
   */
  readonly maxBufferedAmount?: number | null | undefined;
  /**
   * Limits frames that carry nothing for the handler: pings, pongs, and empty fragments in the middle of a
   * message; `Infinity` or `null` for no limit. When exceeded: the socket closes with 1008.
   * Others: none count them.
   *
   * @default {{ burst: 100, perSecond: 20 }}
   */
  readonly pingBudget?: Budget | null | undefined;
  /**
   * Limits how many bytes the messages of the peer are inflated to; `Infinity` or `null` for no limit. When
   * exceeded: the socket does not read until the budget has filled up. The socket is not closed, because a
   * client may send well compressed messages over a fast line without being an attacker.
   * Others: none count them.
   *
   * @default {{ burst: 33554432, perSecond: 16777216 }}
   */
  readonly inflateBudget?: Budget | null | undefined;
}

/** The options in force on one socket. */
export interface SocketSettings {
  /** See {@link WebSocketOptions}; in milliseconds, 0 for no limit. */
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
 * Checks the options of a socket and adds the defaults.
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
  // With a budget that does not fill up, a socket that has used it up would never read again.
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
