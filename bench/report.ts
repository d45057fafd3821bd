/** The figures of a workload, and the table that shows them. */
import { type ContenderName, CONTENDERS } from "./contenders.ts";
import type { Workload } from "./workloads.ts";

/** One measurement of one server. */
export interface Sample {
  readonly requestsPerSecond: number;
  /** CPU time of the server's process, in microseconds per request. */
  readonly cpu: number;
  readonly errors: number;
}

/** The medians over all rounds. */
export type Summary = Sample;

/** The middle one of some measurements, for each figure by itself; errors are added up. */
export function summarize(samples: readonly Sample[]): Summary {
  return {
    requestsPerSecond: median(samples.map(({ requestsPerSecond }) => requestsPerSecond)),
    cpu: median(samples.map(({ cpu }) => cpu)),
    errors: samples.reduce((sum, { errors }) => sum + errors, 0),
  };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [low = NaN, high = NaN] = [sorted[(sorted.length - 1) >> 1], sorted[middle]];
  return (low + high) / 2;
}

/** A table in Markdown, readable as it stands. */
export function renderTable(
  workload: Workload,
  summaries: ReadonlyMap<ContenderName, Summary>,
): string {
  const rows = [["", "requests/s", "CPU us/request", "/ Deno.serve", "aim"]];
  for (const [name, summary] of summaries) {
    rows.push([
      CONTENDERS[name].title,
      Math.round(summary.requestsPerSecond).toLocaleString("en-US").replaceAll(",", " "),
      summary.cpu.toFixed(summary.cpu < 100 ? 2 : 0),
      ratio(summary, summaries.get("deno"))?.toFixed(2) ?? "",
      [aim(workload, name, summaries), errors(summary)].filter((text) => text !== "").join(", "),
    ]);
  }
  const [head = [], ...body] = rows;
  const widths = head.map((_, column) => Math.max(3, ...rows.map((row) => row[column]?.length ?? 0)));
  const rule = widths.map((width, column) =>
    "-".repeat(isFigure(column) ? width - 1 : width) + (isFigure(column) ? ":" : "")
  );
  const lines = [head, rule, ...body].map((row) => line(row, widths));
  return `### ${workload.name}: ${workload.title}\n\n${lines.join("\n")}\n`;
}

function line(row: readonly string[], widths: readonly number[]): string {
  const cells = widths.map((width, column) => {
    const text = row[column] ?? "";
    return isFigure(column) ? text.padStart(width) : text.padEnd(width);
  });
  return `| ${cells.join(" | ")} |`;
}

function isFigure(column: number): boolean {
  return column >= 1 && column <= 3;
}

/** The aim is Drover's; responses of the web's class are measured against it too. */
function aim(
  { aim }: Workload,
  name: ContenderName,
  all: ReadonlyMap<ContenderName, Summary>,
): string {
  if (name !== "drover" && name !== "drover-web") return "";
  const value = ratio(all.get(name), all.get(aim.than));
  if (value === undefined) return "";
  const met = value <= aim.atMost ? "met" : "MISSED";
  return `${met}: ${value.toFixed(2)} of at most ${aim.atMost.toFixed(1)} x ${CONTENDERS[aim.than].title}`;
}

function errors({ errors }: Summary): string {
  return errors === 0 ? "" : `${errors} ERRORS`;
}

function ratio(one: Summary | undefined, other: Summary | undefined): number | undefined {
  return one === undefined || other === undefined ? undefined : one.cpu / other.cpu;
}
