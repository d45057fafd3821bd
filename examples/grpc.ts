/**
 * A gRPC server: the standard health service, and one with streams in both directions.
 *
 *     deno run --allow-net examples/grpc.ts [--port 50051]
 *
 * It speaks HTTP/2 without TLS, as gRPC clients do inside a cluster; with `cert` and `key` it is the same over TLS.
 */
import { serve } from "../mod.ts";
import { codec, type Values } from "./grpc/protocol.ts";
import { grpc, GrpcError, type Method, Status } from "./grpc/server.ts";

const HEALTH = {
  request: codec("grpc.health.v1.HealthCheckRequest"),
  response: codec("grpc.health.v1.HealthCheckResponse"),
};
const TEXT = codec("drover.example.Text");
const SERVICES = ["", "grpc.health.v1.Health", "drover.example.Echo"];
const SERVING = { status: 1 };

/** The one message of a unary call. */
async function only(messages: AsyncIterable<Values>): Promise<Values> {
  for await (const message of messages) return message;
  throw new GrpcError(Status.INVALID_ARGUMENT, "There is no message");
}

const METHODS = new Map<string, Method>([
  ["/grpc.health.v1.Health/Check", {
    ...HEALTH,
    async *call(messages) {
      const { service } = await only(messages);
      if (!SERVICES.includes(String(service))) {
        throw new GrpcError(Status.NOT_FOUND, `There is no ${service}`);
      }
      yield SERVING;
    },
  }],
  ["/grpc.health.v1.Health/Watch", {
    ...HEALTH,
    async *call(messages, signal) {
      const { service } = await only(messages);
      yield SERVICES.includes(String(service)) ? SERVING : { status: 3 };
      await new Promise((resolve) => signal.addEventListener("abort", resolve)); // it does not change
    },
  }],
  ["/drover.example.Echo/Chat", { // both directions at once
    request: TEXT,
    response: TEXT,
    async *call(messages) {
      for await (const { text } of messages) yield { text: `you said ${text}` };
    },
  }],
  ["/drover.example.Echo/Collect", { // many in, one out
    request: TEXT,
    response: codec("drover.example.Count"),
    async *call(all) {
      let [messages, characters] = [0, 0];
      for await (const { text } of all) {
        [messages, characters] = [messages + 1, characters + String(text).length];
      }
      yield { messages, characters };
    },
  }],
]);

const at = Deno.args.indexOf("--port");
serve({
  hostname: "127.0.0.1",
  port: at < 0 ? 50_051 : Number(Deno.args[at + 1]),
  streamTimeout: 600_000, // a stream of gRPC may be silent for long
  onListen: ({ hostname, port }) => console.log(`gRPC on ${hostname}:${port}`),
}, grpc(METHODS));
