/** The handlers that Drover and `Deno.serve` are measured with: the same ones, but for the class of their responses. */
import type { WorkloadName } from "./workloads.ts";

/** A handler as both servers take it. */
export type BenchHandler = (request: Request) => Response | Promise<Response>;

/** The part of the class `Response` that the handlers use. */
export interface ResponseClass {
  new (body?: BodyInit | null, init?: ResponseInit): Response;
  json(data: unknown, init?: ResponseInit): Response;
}

const KIB = new Uint8Array(1024).fill(0x78);
const MIB = new Uint8Array(1024 * 1024).fill(0x78);

/** The handler of a workload, with responses of the class given. */
export function createHandler(workload: WorkloadName, Answer: ResponseClass): BenchHandler {
  switch (workload) {
    case "text":
    case "pipelined":
    case "h2-text":
      return () => new Answer("Hello, World!");
    case "json":
    case "h2-json":
      return (request) =>
        Answer.json({
          hello: "world",
          path: new URL(request.url).pathname,
          userAgent: request.headers.get("user-agent"),
          accept: request.headers.get("accept"),
        });
    case "echo":
    case "h2-post":
      return async (request) => new Answer(await request.bytes());
    case "pipe":
      return (request) => new Answer(request.body);
    case "stream":
      return () => new Answer(tenKib());
    case "bytes":
    case "h2-bytes":
      return () => new Answer(MIB);
    default:
      return workload satisfies never;
  }
}

function tenKib(): ReadableStream<Uint8Array<ArrayBuffer>> {
  let left = 10;
  return new ReadableStream({
    pull(controller) {
      controller.enqueue(KIB);
      left -= 1;
      if (left === 0) controller.close();
    },
  });
}
