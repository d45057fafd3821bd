/** Load on a server: by `wrk` where it is installed, and else by a process of our own. */
import type { Workload, WorkloadName } from "./workloads.ts";

/** What became of a load. */
export interface LoadResult {
  /** Responses received in full. */
  readonly requests: number;
  readonly seconds: number;
  /** Socket errors and responses of another status than 2xx and 3xx. */
  readonly errors: number;
}

/** How a server is loaded. */
export interface LoadOptions {
  readonly port: number;
  readonly connections: number;
  readonly seconds: number;
}

/** Puts a load on the server at a port of this machine. */
export type Load = (workload: Workload, options: LoadOptions) => Promise<LoadResult>;

const SCRIPTS: Partial<Record<WorkloadName, string>> = {
  echo: "echo.lua",
  pipe: "echo.lua",
  pipelined: "pipelined.lua",
};

/** Load by `wrk`, one thread. */
export async function loadByWrk(workload: Workload, options: LoadOptions): Promise<LoadResult> {
  const { port, connections, seconds } = options;
  const script = SCRIPTS[workload.name];
  const headers = workload.method === "GET" ? Object.entries(workload.headers) : []; // the script has those of POST
  const output = await run("wrk", [
    ...["-t1", `-c${connections}`, `-d${seconds}s`],
    ...headers.flatMap(([name, value]) => ["-H", `${name}: ${value}`]),
    ...(script === undefined ? [] : ["-s", new URL(`wrk/${script}`, import.meta.url).pathname]),
    `http://127.0.0.1:${port}/`,
  ]);
  const total = /(\d+) requests in ([\d.]+)(ms|s|m),/.exec(output);
  if (total === null) throw new Error(`wrk said something unexpected: ${output}`);
  const unit = { ms: 0.001, s: 1, m: 60 }[total[3] ?? ""] ?? 1;
  const status = /Non-2xx or 3xx responses: (\d+)/.exec(output)?.[1] ?? "0";
  const socket = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(output) ?? [];
  const errors = [status, ...socket.slice(1)].reduce((sum, count) => sum + Number(count), 0);
  return { requests: Number(total[1]), seconds: Number(total[2]) * unit, errors };
}

/** Load over HTTP/2 by `h2load`: eight connections, as many streams at once as the workload is deep. */
export async function loadByH2load(
  workload: Workload,
  { port, seconds }: Pick<LoadOptions, "port" | "seconds">,
): Promise<LoadResult> {
  const { body, depth, headers } = workload;
  const file = body === null ? null : await Deno.makeTempFile();
  if (file !== null && body !== null) await Deno.writeTextFile(file, body);
  try {
    const output = await run("h2load", [
      ...["-c8", "-t1", `-m${depth}`, `-D${seconds}`],
      ...Object.entries(headers).flatMap(([name, value]) => ["-H", `${name}: ${value}`]),
      ...(file === null ? [] : ["-d", file]),
      `http://127.0.0.1:${port}/`,
    ]);
    return parseH2load(output, seconds);
  } finally {
    if (file !== null) await Deno.remove(file);
  }
}

// "requests: 9 total, 9 started, 9 done, 9 succeeded, 0 failed, 0 errored, 0 timeout"
function parseH2load(output: string, seconds: number): LoadResult {
  const counts = /requests: .* (\d+) done, (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout/
    .exec(output);
  if (counts === null) throw new Error(`h2load said something unexpected: ${output}`);
  const [requests = 0, , failed = 0, errored = 0, late = 0] = counts.slice(1).map(Number);
  return { requests, seconds, errors: Math.max(failed, errored) + late };
}

/** Load by `load_generator.ts` in a process of its own. */
export async function loadByOwn(workload: Workload, options: LoadOptions): Promise<LoadResult> {
  const path = new URL("load_generator.ts", import.meta.url).pathname;
  const { port, connections, seconds } = options;
  const args = [
    "run",
    "-A",
    path,
    workload.name,
    String(port),
    String(connections),
    String(seconds),
  ];
  return JSON.parse(await run(Deno.execPath(), args));
}

async function run(command: string, args: string[]): Promise<string> {
  const { success, stdout } = await new Deno.Command(command, { args, stderr: "inherit" }).output();
  if (!success) throw new Error(`${command} failed`);
  return new TextDecoder().decode(stdout);
}
