/** The gRPC health service, as a constant: what a load balancer asks for (examples/grpc.ts is a whole server). */
import { HttpError } from "../../mod.ts";
import type { Call } from "./call.ts";

/** One message that is not compressed, of two bytes: HealthCheckResponse { status: SERVING }. */
const SERVING = Uint8Array.of(0, 0, 0, 0, 2, 0x08, 0x01);

/** Answers `grpc.health.v1.Health/Check` for any service. */
export async function healthCheck({ request, exchange }: Call): Promise<Response> {
  if (!request.headers.get("content-type")?.startsWith("application/grpc")) {
    throw new HttpError(415, "This is asked for as application/grpc");
  }
  await request.bytes();
  exchange.setTrailers({ "grpc-status": "0" });
  return new Response(SERVING, { headers: { "content-type": "application/grpc" } });
}
