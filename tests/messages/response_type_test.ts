/**
 * Importing the name `Response` changes no types: each of these functions type-checks as it does without the
 * import.
 */

import { assert, assertEquals } from "@std/assert";
import { type Handler, HttpServer, Response, serve } from "../../mod.ts";

async function passOn(url: string): Promise<Response> {
  return await fetch(url);
}

function copy(response: Response): Response {
  return new Response(response.body, response);
}

class Page extends Response {
  readonly title: string;

  constructor(title: string) {
    super(`<title>${title}</title>`, { headers: { "content-type": "text/html" } });
    this.title = title;
  }
}

const handlers: readonly Handler[] = [
  () => new Response("own"),
  () => new globalThis.Response("the web's"),
  () => new Page("page"),
  () => Response.json({ a: 1 }),
  () => globalThis.Response.json({ a: 1 }),
  ({ url }) => passOn(url),
  () => copy(new globalThis.Response("copied")),
];

/** Gives what it is given: the type says that a value is of it. */
function check<T>(value: T): T {
  return value;
}

Deno.test("the type Response is the platform's, and the value is Drover's class", async () => {
  const own = check<globalThis.Response>(new Response("own"));
  const web = check<Response>(new globalThis.Response("web"));
  assertEquals([own instanceof Response, web instanceof Response], [true, false]);
  assertEquals([own instanceof globalThis.Response, own.constructor], [true, Response]);
  const page = new Page("a");
  assert(page instanceof Response && page instanceof globalThis.Response);
  assertEquals([page.title, await page.text(), Response.name], ["a", "<title>a</title>", "Response"]);
  assertEquals(check<typeof globalThis.Response>(Response), Response);
});

Deno.test("handlers that give either Response are handlers of serve() and of HttpServer", async () => {
  for (const handler of handlers) {
    await using server = serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, handler);
    assertEquals(new HttpServer(handler).clients.size, 0);
    assertEquals(server.addr.transport, "tcp");
  }
});
