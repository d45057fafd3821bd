/**
 * Latencies of one window of time.
 *
 * @module
 */

/** What a window of requests came to; times in milliseconds. */
export interface Latencies {
  /** Requests that were answered, or waited for an answer when the window ended: the age of those counts as their latency. */
  readonly count: number;
  /** Requests without a complete 200: refused, reset, cut, or given up. */
  readonly failures: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** No requests at all. */
export const NO_LATENCIES: Latencies = { count: 0, failures: 0, p50: NaN, p99: NaN, max: NaN };

/** Sums up times. */
export function summarise(times: readonly number[], failures = 0): Latencies {
  if (times.length === 0) return { ...NO_LATENCIES, failures };
  const sorted = Float64Array.from(times).sort();
  return {
    count: sorted.length,
    failures,
    p50: percentile(sorted, 0.5),
    p99: percentile(sorted, 0.99),
    max: sorted.at(-1) ?? NaN,
  };
}

/** The nearest rank: with fewer than a hundred times the 99th percentile is the longest of them. */
function percentile(sorted: Float64Array, part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.ceil(part * sorted.length) - 1)] ?? NaN;
}
