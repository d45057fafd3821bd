/**
 * Performs what a case sends, step by step, on its connection.
 *
 * @module
 */

import { concat } from "../support/bytes.ts";
import { pass } from "../support/deadline.ts";
import type { Step } from "./corpus.ts";
import type { RawConnection } from "./raw_connection.ts";
import { readResponses } from "./responses.ts";

/** How long `{wait: "response"}` waits at most, in milliseconds. */
const responseWait = 5_000;
/** How long `{wait: "interim_or_final"}` waits at most: a server need not send 100. */
const interimWait = 1_500;
/** A flood without a pace is written in pieces of about this size. */
const floodPiece = 16_384;

/** How steps are performed. */
export interface PerformOptions {
  /** Whether a drip goes on after the server has ended its side, until it takes no more bytes. */
  readonly dripToTheEnd: boolean;
}

/** Performs the steps in order; a peer that takes no more bytes ends them early. */
export async function perform(
  steps: readonly Step[],
  connection: RawConnection,
  options: PerformOptions,
): Promise<void> {
  for (const [index, step] of steps.entries()) {
    if (connection.refusedAt !== null) return;
    await performOne(step, connection, { ...options, last: index === steps.length - 1 });
  }
}

async function performOne(
  step: Step,
  connection: RawConnection,
  { dripToTheEnd, last }: PerformOptions & { readonly last: boolean },
): Promise<void> {
  switch (step.kind) {
    case "write":
      await connection.write(step.bytes);
      break;
    case "split":
      for (let index = 0; index < step.bytes.length; index++) {
        if (!await connection.write(step.bytes.subarray(index, index + 1))) return;
      }
      break;
    case "sleep":
      await sleep(connection, step.ms, last);
      break;
    case "wait":
      await waitFor(connection, step.what);
      break;
    case "drip":
      await drip(connection, step, dripToTheEnd);
      break;
    case "flood":
      await flood(connection, step);
      break;
    case "noRead":
      connection.pause();
      await pass(step.ms);
      connection.resume();
      break;
    case "readRate":
      connection.limitReading(step.bytesPerSecond);
      await sleep(connection, step.ms, last);
      break;
    case "fin":
      await connection.end();
      break;
    case "rst":
      connection.reset();
      break;
    default:
      throw new TypeError(`a step without a performer: ${JSON.stringify(step satisfies never)}`);
  }
}

/** Sleeps; where nothing comes after it, no longer than until the connection ends. */
async function sleep(connection: RawConnection, milliseconds: number, last: boolean): Promise<void> {
  if (!last) return await pass(milliseconds);
  const end = performance.now() + milliseconds;
  while (!connection.isOver && performance.now() < end) await connection.change(end - performance.now());
}

async function waitFor(connection: RawConnection, what: "response" | "interim_or_final"): Promise<void> {
  const end = performance.now() + (what === "response" ? responseWait : interimWait);
  while (!connection.isOver && performance.now() < end) {
    const { final, interim } = readResponses(connection.received, { methods: [], ended: false });
    if (final.length > 0 || what === "interim_or_final" && interim.length > 0) return;
    await connection.change(end - performance.now());
  }
}

async function drip(
  connection: RawConnection,
  { bytes, ms }: Extract<Step, { kind: "drip" }>,
  dripToTheEnd: boolean,
): Promise<void> {
  for (let index = 0; index < bytes.length; index++) {
    if (dripToTheEnd ? connection.ending === "reset" : connection.isOver) return;
    if (!await connection.write(bytes.subarray(index, index + 1))) return;
    await pass(ms);
  }
}

async function flood(connection: RawConnection, step: Extract<Step, { kind: "flood" }>): Promise<void> {
  const { first, repeated, maxBytes, noRead, paceMs } = step;
  if (noRead) connection.pause();
  const count = paceMs > 0 ? 1 : Math.ceil(floodPiece / repeated.length);
  const piece = concat(new Array<Uint8Array>(count).fill(repeated));
  let sent = first.length;
  let taken = await connection.write(first);
  while (taken && !connection.isOver && sent < maxBytes) {
    taken = await connection.write(piece);
    sent += piece.length;
    if (paceMs > 0) await pass(paceMs);
  }
  if (noRead) connection.resume();
}
