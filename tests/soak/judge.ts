/**
 * The bounds of the soak: what every server must keep under any attack, and what a case adds.
 *
 * @module
 */

import type { ClientWindow, Outcome, SoakCase } from "./case.ts";
import { heapGrowth, leftOver } from "./run_case.ts";

/** How strict the bounds are: a machine that does other work besides needs room. */
export interface Strictness {
  /** How many times the normal client's 99th percentile may grow. */
  readonly factor: number;
  /** Latencies below this are taken for as long as this, in milliseconds: the timer and the scheduler of a small machine. */
  readonly floor: number;
}

/** What a nightly run on a machine of its own keeps. */
export const STRICT: Strictness = { factor: 5, floor: 5 };

/** What a run beside other work keeps. */
export const LENIENT: Strictness = { factor: 8, floor: 40 };

/** What a server may grow by in any case, in MiB. */
const USUAL_MEMORY = 150;

const KINDS = ["kept", "fresh"] as const;

/** What is wrong with an outcome, in words; empty when all bounds were kept. */
export function judge(soakCase: SoakCase, outcome: Outcome, strictness: Strictness): string[] {
  const faults = [
    ...judgeLatency(soakCase, outcome, strictness),
    ...judgeMemory(soakCase, outcome),
    ...judgeRest(soakCase, outcome),
    ...soakCase.expect?.(outcome) ?? [],
  ];
  return faults.filter((fault) => fault !== false);
}

/**
 * The longest 99th percentile that is allowed during an attack, by what the machine showed: alone, beside programs that burn
 * CPU, and during the attack by how late the normal client's own timers were, because no server is to blame for those.
 */
export function allowedLatency(
  { before, control, during }: Outcome,
  kind: keyof ClientWindow,
  { factor, floor }: Strictness,
): number {
  return factor * Math.max(floor, before[kind].p99 || 0, control[kind].p99 || 0, during.lag.p99 || 0);
}

function judgeLatency(soakCase: SoakCase, outcome: Outcome, strictness: Strictness): (string | false)[] {
  if (soakCase.noLatency !== undefined) return [];
  return KINDS.flatMap((kind) => {
    const { p99, failures, count } = outcome.during[kind];
    const allowed = allowedLatency(outcome, kind, strictness) + (soakCase.blocks ?? 0);
    return [
      count > 0 && p99 > allowed &&
      `a normal client's p99 was ${ms(p99)} on ${kind} connections, of ${ms(allowed)} allowed`,
      failures > 0 && soakCase.refuses !== true &&
      `${failures} of ${count} requests of a normal client failed on ${kind} connections`,
    ];
  });
}

function judgeMemory({ memory = USUAL_MEMORY, heldPerPeer }: SoakCase, outcome: Outcome): (string | false)[] {
  const growth = outcome.peak.resident - outcome.base.resident;
  const perPeer = heldKiB(outcome);
  return [
    growth > memory && `the server grew by ${Math.round(growth)} MiB, of ${memory} allowed`,
    heldPerPeer !== undefined && !(perPeer <= heldPerPeer) &&
    `each of ${outcome.peers} held ${perPeer.toFixed(1)} KiB, of ${heldPerPeer} allowed`,
  ];
}

function judgeRest({ outlasts }: SoakCase, outcome: Outcome): (string | false)[] {
  const { base, rest, settled } = outcome;
  const leaked = heapGrowth(rest, base);
  return [
    settled === Infinity && outlasts === undefined && `left behind: ${leftOver(rest, base).join(", ")}`,
    leaked > 0 && outlasts === undefined && `${leaked.toFixed(1)} MiB of heap did not come back`,
    rest.unhandled > 0 && `${rest.unhandled} errors were not handled: ${rest.firstReports.join("; ")}`,
  ];
}

/** KiB of heap and external memory for each peer when all was held; `NaN` where nothing was. */
export function heldKiB({ held, base, peers }: Outcome): number {
  if (held === null || peers === 0) return NaN;
  return (held.heap + held.external - base.heap - base.external) * 1024 / peers;
}

/** KiB of resident memory for each peer when all was held; `NaN` where nothing was. */
export function residentKiB({ held, base, peers }: Outcome): number {
  if (held === null || peers === 0) return NaN;
  return (held.resident - base.resident) * 1024 / peers;
}

/** Milliseconds in words. */
export function ms(time: number): string {
  if (Number.isNaN(time)) return "-";
  return time >= 1000 ? `${(time / 1000).toFixed(1)} s` : `${time.toFixed(time < 10 ? 1 : 0)} ms`;
}
