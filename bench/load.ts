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
