/**
 * The server of the load tests, run as a process of its own: it prints its port, and ends when its standard input does.
 *
 * @module
 */

import { HttpServer } from "../../mod.ts";

const MEBIBYTE = 1024 * 1024;
const piece = new Uint8Array(64 * 1024);

/** Reads a body, with a rest every 32 MiB, as a handler that writes it to a slow place would. */
async function upload(request: Request): Promise<Response> {
  let size = 0;
  let rests = 0;
  for await (const chunk of request.body ?? []) {
    size += chunk.length;
    if (size > (rests + 1) * 32 * MEBIBYTE) {
      rests++;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
  return new Response(`${size}`);
}

function download(size: number): Response {
  let left = size;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (left === 0) return controller.close();
      const length = Math.min(left, piece.length);
      left -= length;
      controller.enqueue(piece.subarray(0, length));
    },
  });
  return new Response(body);
}

/** The resident memory of this process in MiB: its highest where the system tells it, else what it is now. */
async function residentMemory(): Promise<number> {
  try {
    const status = await Deno.readTextFile("/proc/self/status");
    const match = /^VmHWM:\s+(\d+) kB$/m.exec(status);
    if (match?.[1] !== undefined) return Number(match[1]) / 1024;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return Deno.memoryUsage().rss / MEBIBYTE;
}

const server: HttpServer = new HttpServer(async (request): Promise<Response> => {
  const { pathname, searchParams } = new URL(request.url);
  if (pathname === "/upload") return await upload(request);
  if (pathname === "/download") return download(Number(searchParams.get("size")));
  if (pathname === "/memory") return Response.json(await residentMemory());
  if (pathname === "/stats") return Response.json(server.stats);
  return new Response("Hello, World!");
}, { bodySizeLimit: null });

const { addr } = server.listen({ hostname: "127.0.0.1", port: 0 });
console.log(addr.transport === "tcp" ? addr.port : 0);
await Deno.stdin.readable.pipeTo(new WritableStream());
await server.stop(1_000);
