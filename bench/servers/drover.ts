/** Drover, with responses of its own class, or with the web's: `drover.ts WORKLOAD [web]`. */
import { Response, serve } from "../../mod.ts";
import { createHandler } from "../handlers.ts";
import { announce, workloadArgument } from "./arguments.ts";

const Answer = Deno.args[1] === "web" ? globalThis.Response : Response;

serve({
  hostname: "127.0.0.1",
  port: 0,
  onListen: ({ port }) => announce(port),
}, createHandler(workloadArgument(), Answer));
