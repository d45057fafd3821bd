/** `Response.error()`, which is a `Response` and cannot be sent: the error says what to do instead. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import type { Handler } from "../../mod.ts";
import { within } from "../support/deadline.ts";
import { withHttp2 } from "../support/http2_client.ts";
import { withServer } from "../support/server.ts";

/** What is logged of a handler whose request is answered 500. */
async function logged(handler: Handler): Promise<string> {
  return await withServer(handler, {}, async ({ connect, log }) => {
    const { status } = await connect().request("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assertEquals([status, log.length], [500, 1]);
    return String(log[0]?.[0]);
  });
}

const ERROR =
  "A handler answered Response.error(), which is no response but the network error of a fetch() that has failed: " +
  "throw an HttpError, or return a Response with a status";

Deno.test("Response.error() has a sentence of its own (Fetch §5.5)", async () => {
  assertStringIncludes(await logged(() => Response.error()), ERROR);
});

Deno.test("Response.error() has the same sentence over HTTP/2 (Fetch §5.5)", async () => {
  await withHttp2(() => Response.error(), {}, async ({ connect, log }) => {
    const client = connect();
    const { status } = await within("the answer", client.response(client.request()));
    assertEquals([status, log.length], [500, 1]);
    assertStringIncludes(String(log[0]?.[0]), ERROR);
  });
});
