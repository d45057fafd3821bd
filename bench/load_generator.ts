/**
 * A load generator for machines without `wrk`: `load_generator.ts WORKLOAD PORT CONNECTIONS SECONDS`. It prints a
 * `LoadResult` as JSON. It costs more than `wrk` does, so that requests per second say less; the CPU time of the server's
 * process is the same.
 */
import type { LoadResult } from "./load.ts";
import { ResponseCounter } from "./response_counter.ts";
import { encodeWorkload, isWorkloadName, WORKLOADS } from "./workloads.ts";

const [name = "", ...numbers] = Deno.args;
if (!isWorkloadName(name)) throw new Error(`There is no workload ${name}`);
const [port = 0, connections = 1, seconds = 1] = numbers.map(Number);
const { depth } = WORKLOADS[name];
const request = new TextEncoder().encode(encodeWorkload(WORKLOADS[name], `127.0.0.1:${port}`));

const start = performance.now();
const results = await Promise.all(Array.from({ length: connections }, keepBusy));
const result: LoadResult = {
  requests: results.reduce((sum, { complete }) => sum + complete, 0),
  seconds: (performance.now() - start) / 1000,
  errors: results.reduce((sum, { failed }) => sum + failed, 0),
};
console.log(JSON.stringify(result));

async function keepBusy(): Promise<ResponseCounter> {
  const counter = new ResponseCounter();
  while (!isOver()) {
    try {
      await useConnection(counter);
    } catch (error) {
      if (!isGone(error)) throw error;
      counter.reset();
    }
  }
  return counter;
}

/** Sends request after request until time is up or the server closes, as `Deno.serve` does after some uploads. */
async function useConnection(counter: ResponseCounter): Promise<void> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  connection.setNoDelay(true);
  const buffer = new Uint8Array(65536);
  while (!isOver()) {
    for (let sent = 0; sent < request.length;) {
      sent += await connection.write(request.subarray(sent));
    }
    for (const goal = counter.complete + depth; counter.complete < goal;) {
      const length = await connection.read(buffer);
      if (length === null) {
        throw new Deno.errors.ConnectionReset("The server has ended the connection");
      }
      counter.push(buffer.subarray(0, length));
    }
  }
}

function isGone(error: unknown): boolean {
  return error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.BrokenPipe;
}

function isOver(): boolean {
  return performance.now() - start >= seconds * 1000;
}
