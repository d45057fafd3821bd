/**
 * The rows of the soak, for people and for programs.
 *
 * @module
 */

import type { ClientWindow, Outcome, SoakCase } from "./case.ts";
import { heldKiB, ms, residentKiB } from "./judge.ts";

/** A row for people: the numbers of an outcome in a few lines, and what is wrong with it. */
export function describeOutcome({ about }: SoakCase, outcome: Outcome, faults: readonly string[]): string {
  const { seconds, cpu, stuck, silent } = outcome;
  const lines = [
    `${faults.length === 0 ? "ok    " : "FAILED"} ${outcome.name}: ${about} (${seconds.toFixed(0)} s)`,
    `answered: ${describeAnswers(outcome)}`,
    `normal client, kept:  ${describeWindows(outcome, "kept")}`,
    `normal client, fresh: ${describeWindows(outcome, "fresh")}`,
    `normal client, timer: ${describeWindows(outcome, "lag")}`,
    `event loop stuck for ${ms(stuck)} at most, side channel silent for ${ms(silent)}; processors: server ${
      cpu.server.toFixed(2)
    }, attacker ${cpu.attacker.toFixed(2)}`,
    `memory: ${describeMemory(outcome)}`,
    `after: ${describeRest(outcome)}`,
    ...faults.map((fault) => `! ${fault}`),
  ];
  return lines.join("\n       ");
}

/** A row for programs: everything that was measured. */
export function outcomeToJson({ about }: SoakCase, outcome: Outcome, faults: readonly string[]): string {
  return JSON.stringify({ ...outcome, about, faults });
}

function describeAnswers({ answers }: Outcome): string {
  const texts = Object.entries(answers).map(([answer, { count, firstAt }]) =>
    `${answer} x${count} (from ${ms(firstAt)})`
  );
  return texts.join(", ") || "nothing";
}

function describeWindows({ before, control, during, after }: Outcome, kind: keyof ClientWindow): string {
  const windows = Object.entries({ before, control, during, after });
  return windows.map(([name, { [kind]: { p50, p99, max, failures, count } }]) =>
    `${name} ${ms(p50)} / ${ms(p99)} / ${ms(max)}${failures > 0 ? ` (${failures} of ${count} failed)` : ""}`
  ).join(" -> ");
}

function describeMemory(outcome: Outcome): string {
  const { base, peak, held, rest, peers } = outcome;
  const parts = [`resident ${mib(base.resident)} -> ${mib(peak.resident)} -> ${mib(rest.resident)}`];
  if (held !== null) {
    const perPeer = `${residentKiB(outcome).toFixed(1)} KiB resident, ${
      heldKiB(outcome).toFixed(1)
    } KiB of heap`;
    parts.push(`each of ${peers}: ${perPeer}`);
  }
  parts.push(`heap ${mib(base.heap + base.external)} -> ${mib(rest.heap + rest.external)}`);
  return parts.join("; ");
}

function describeRest({ peak, rest, base, settled, stopped }: Outcome): string {
  const parts = [
    settled === Infinity ? "did not settle" : `settled in ${ms(settled)}`,
    `clients ${peak.clients} -> ${rest.stats.clients}`,
    `descriptors ${base.descriptors} -> ${peak.descriptors} -> ${rest.descriptors}`,
    `${rest.reports} reports`,
  ];
  if (stopped !== null) parts.push(`stopped in ${ms(stopped)}`);
  return parts.join(", ");
}

function mib(size: number): string {
  return `${size.toFixed(0)} MiB`;
}
