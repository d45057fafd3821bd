/**
 * The smallest server: `deno task start`, or with another port as its argument. Ctrl-C stops it gracefully, a
 * second one at once.
 */
import { serve } from "../mod.ts";

const server = serve({
  hostname: "127.0.0.1",
  port: Number(Deno.args[0] ?? 8000),
  onListen: ({ port }) => console.log(`Listening. Try: curl -i http://127.0.0.1:${port}/world`),
}, (request, exchange) => {
  const name = new URL(request.url).pathname.slice(1) || "World";
  return new Response(`Hello, ${name}! You came from ${exchange.client.remoteAddress}.\n`);
});

let patience: number | undefined; // shutdownTimeout
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.addSignalListener(signal, () => {
    server.shutdown(patience);
    patience = 0;
  });
}
await server.finished;
console.log("Stopped.");
