/**
 * Server-sent events, and a page that shows them: `deno run -A examples/events.ts`, then open the address it prints.
 */
import { type Exchange, HttpError, serve } from "../mod.ts";

const PAGE = `<!DOCTYPE html>
<html lang="en">
  <head><meta charset="utf-8"><title>Events</title></head>
  <body>
    <h1>What the server says</h1>
    <ol id="events"></ol>
    <script>
      new EventSource("/events").addEventListener("tick", (event) => {
        const item = document.createElement("li");
        item.textContent = event.data;
        document.getElementById("events").append(item);
      });
    </script>
  </body>
</html>
`;

serve({ hostname: "127.0.0.1", port: 8002 }, (request: Request, exchange: Exchange): Response => {
  const { pathname } = new URL(request.url);
  if (pathname === "/") {
    return new Response(PAGE, { headers: { "content-type": "text/html; charset=utf-8" } });
  }
  if (pathname !== "/events") throw new HttpError(404);
  return new Response(ticks(exchange), {
    headers: { "content-type": "text/event-stream", "cache-control": "no-store" },
  });
});

/** One event a second, for as long as the client listens: `cancel` is called when it leaves. */
function ticks(exchange: Exchange): ReadableStream<Uint8Array<ArrayBuffer>> {
  let timer: ReturnType<typeof setInterval> | undefined;
  let count = 0;
  return new ReadableStream<string>({
    start(controller) {
      timer = setInterval(() => {
        const data = { count: count += 1, to: exchange.remoteAddr, at: new Date() };
        controller.enqueue(`event: tick\nid: ${count}\ndata: ${JSON.stringify(data)}\n\n`);
      }, 1000);
    },
    cancel() {
      clearInterval(timer);
    },
  }).pipeThrough(new TextEncoderStream());
}
