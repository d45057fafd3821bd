/** `Deno.serve`: `deno_serve.ts WORKLOAD`. */
import { createHandler } from "../handlers.ts";
import { announce, workloadArgument } from "./arguments.ts";

Deno.serve({
  hostname: "127.0.0.1",
  port: 0,
  onListen: ({ port }) => announce(port),
}, createHandler(workloadArgument(), Response));
