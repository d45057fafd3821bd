/**
 * RFC 9112 §9.5 and RFC 9110 §15.5.9: what is slow is ended. Times are small here, and a test waits for the close; the
 * tick of the server's clock may add to them, so nothing is asked of the exact moment but that it is not far off.
 */

import { ClientDisconnectedError, type Handler } from "../../mod.ts";
import { assert, assertEquals, assertOneOf, rejection } from "../support/assert.ts";
import { pass, within } from "../support/deadline.ts";
import { type AcceptedClient, withServer } from "../support/server.ts";

const slack = 4_000;
const reading: Handler = async (request) => new Response(await request.text());

/** Measures how long something takes, and fails when that is less than `least` milliseconds. */
async function noSoonerThan(least: number, waiting: Promise<unknown>): Promise<void> {
  const start = performance.now();
  await within("the server's reaction", waiting, slack);
  const took = performance.now() - start;
  assert(took >= least * 0.9, `took ${took} ms, less than the ${least} ms that were allowed`);
}

/** Sends one byte every `milliseconds` until the server closes or the bytes are used up. */
async function drip(raw: AcceptedClient, bytes: string, milliseconds: number): Promise<void> {
  for (const byte of bytes) {
    raw.offer(byte);
    await pass(milliseconds);
    if (raw.client.status !== 0) return;
  }
}

Deno.test("a connection that never sends a byte is closed (RFC 9112 §9.5)", async () => {
  await withServer(reading, { headerTimeout: 200, http1Timeout: 200 }, async ({ connect }) => {
    const raw = connect({ deadline: slack });
    await noSoonerThan(200, raw.serverClosed(slack));
    const response = await raw.tryResponse();
    assertOneOf(response?.status ?? 408, [408], "the status, where there is a response");
  });
});

Deno.test("a head that is not complete within headerTimeout is answered 408 (RFC 9110 §15.5.9)", async () => {
  await withServer(reading, { headerTimeout: 200 }, async ({ connect }) => {
    const raw = connect({ deadline: slack });
    await raw.send("GET / HTTP/1.1\r\nHost: a\r\n");
    await noSoonerThan(
      190,
      raw.tryResponse().then(async (response) => {
        assertEquals(response?.status, 408);
        if (response !== null) await raw.expectClosedAfter(response);
      }),
    );
  });
});

for (
  const [name, start] of [["first", ""], ["second", "GET / HTTP/1.1\r\nHost: a\r\n\r\n"]] as const
) {
  Deno.test(`bytes of a ${name} head do not extend headerTimeout (RFC 9110 §15.5.9)`, async () => {
    await withServer(reading, { headerTimeout: 400 }, async ({ connect }) => {
      const raw = connect({ deadline: slack });
      if (start !== "") assertEquals((await raw.request(start)).status, 200);
      const dripping = drip(raw, `GET / HTTP/1.1\r\nHost: a\r\nX-A: ${"a".repeat(500)}`, 20);
      const response = await raw.readResponse();
      assertEquals(response.status, 408);
      await raw.expectClosedAfter(response);
      await raw.close();
      await dripping;
    });
  });
}

Deno.test("a connection idle for http1Timeout is closed without a response (RFC 9112 §9.5)", async () => {
  await withServer(reading, { http1Timeout: 200 }, async ({ connect }) => {
    const raw = connect({ deadline: slack });
    assertEquals((await raw.request("GET / HTTP/1.1\r\nHost: a\r\n\r\n")).status, 200);
    await noSoonerThan(190, raw.expectEnd());
  });
});

Deno.test("an empty line does not extend http1Timeout for ever (RFC 9112 §9.5)", async () => {
  await withServer(reading, { http1Timeout: 300, headerTimeout: 300 }, async ({ connect }) => {
    const raw = connect({ deadline: slack });
    assertEquals((await raw.request("GET / HTTP/1.1\r\nHost: a\r\n\r\n")).status, 200);
    const dripping = drip(raw, "\r\n".repeat(200), 20);
    await raw.serverClosed(slack);
    await raw.close();
    await dripping;
  });
});

Deno.test("a handler may take longer than headerTimeout, http1Timeout and streamTimeout (RFC 9112 §9.5)", async () => {
  const options = { headerTimeout: 150, http1Timeout: 150, streamTimeout: 150 };
  const handler: Handler = async () => {
    await pass(900);
    return new Response("slow");
  };
  await withServer(handler, options, async ({ connect }) => {
    const raw = connect({ deadline: slack });
    assertEquals((await raw.request("GET / HTTP/1.1\r\nHost: a\r\n\r\n")).text, "slow");
  });
});

/** Bodies that stop arriving in the middle. */
const stalled = [
  ["by Content-Length", "Content-Length: 10\r\n\r\nxxxxx"],
  ["ahead of its first byte", "Content-Length: 10\r\n\r\n"],
  ["in a chunk", "Transfer-Encoding: chunked\r\n\r\n5\r\nhel"],
  ["in a chunk-size", "Transfer-Encoding: chunked\r\n\r\n5"],
  ["in the trailer section", "Transfer-Encoding: chunked\r\n\r\n0\r\nX-T: 1\r\n"],
] as const;

for (const [name, bytes] of stalled) {
  Deno.test(`a body that stalls ${name} for streamTimeout is answered 408 or cut (RFC 9110 §15.5.9)`, async () => {
    const { promise, resolve } = Promise.withResolvers<Error>();
    const handler: Handler = async (request) => {
      const body = request.text();
      resolve(await rejection(body, "the body"));
      return new Response(await body);
    };
    await withServer(handler, { streamTimeout: 200, lingerTimeout: 200 }, async ({ connect }) => {
      const raw = connect({ deadline: slack });
      await raw.send(`POST / HTTP/1.1\r\nHost: a\r\n${bytes}`);
      await noSoonerThan(190, promise);
      const response = await raw.tryResponse();
      assertOneOf(response?.status ?? 408, [408], "the status, where there is a response");
      await raw.expectEnd();
    });
  });
}

Deno.test("progress of a body extends streamTimeout (RFC 9110 §15.5.9)", async () => {
  await withServer(reading, { streamTimeout: 400, minimumBodyRate: 0 }, async ({ connect }) => {
    const raw = connect({ deadline: slack });
    await raw.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\n\r\n");
    await drip(raw, "x".repeat(12), 100);
    assertEquals((await raw.readResponse()).text, "x".repeat(12));
  });
});

Deno.test("a body slower than minimumBodyRate is ended after the grace (RFC 9110 §15.5.9)", async () => {
  const options = { minimumBodyRate: 1000, minimumBodyRateGrace: 200, lingerTimeout: 100 };
  await withServer(reading, options, async ({ connect }) => {
    const raw = connect({ deadline: slack });
    await raw.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n");
    const dripping = drip(raw, "x".repeat(400), 20);
    await noSoonerThan(
      150,
      raw.tryResponse().then(async (response) => {
        assertOneOf(response?.status ?? 408, [408], "the status, where there is a response");
        await raw.expectEnd();
      }),
    );
    await raw.close();
    await dripping;
  });
});

Deno.test("a body faster than minimumBodyRate is not ended (RFC 9110 §15.5.9)", async () => {
  const options = { minimumBodyRate: 20, minimumBodyRateGrace: 100 };
  await withServer(reading, options, async ({ connect }) => {
    const raw = connect({ deadline: slack });
    await raw.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 60\r\n\r\n");
    await drip(raw, "x".repeat(60), 20);
    assertEquals((await raw.readResponse()).text.length, 60);
  });
});

Deno.test("minimumBodyRate does not blame the client for a handler that reads slowly (RFC 9110 §15.5.9)", async () => {
  const options = {
    minimumBodyRate: 1_000_000,
    minimumBodyRateGrace: 100,
    bodySizeLimit: null,
    streamTimeout: 300,
  };
  const size = 600_000;
  const handler: Handler = async (request) => {
    await pass(900);
    return new Response(`${(await request.arrayBuffer()).byteLength}`);
  };
  await withServer(handler, options, async ({ connect }) => {
    const raw = connect({ deadline: slack });
    raw.offer(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${size}\r\n\r\n${"x".repeat(size)}`);
    assertEquals((await raw.readResponse()).text, `${size}`);
  });
});

/** A response larger than what the connection in memory and the server hold together. */
function large(stream: boolean): Response {
  if (!stream) return new Response(new Uint8Array(8_000_000));
  let left = 80;
  return new Response(
    new ReadableStream({
      pull(controller) {
        if (left-- === 0) return controller.close();
        controller.enqueue(new Uint8Array(100_000));
      },
    }),
  );
}

for (const [name, stream] of [["of bytes", false], ["of a stream", true]] as const) {
  Deno.test(`a client that does not read a body ${name} is cut after streamTimeout (RFC 9112 §9.5)`, async () => {
    const { promise, resolve } = Promise.withResolvers<Error>();
    const handler: Handler = (_, exchange) => {
      resolve(rejection(exchange.completed, "exchange.completed"));
      return large(stream);
    };
    const options = { streamTimeout: 300, minimumResponseRate: 2 ** 40 };
    await withServer(handler, options, async ({ connect }) => {
      const raw = connect({ deadline: slack });
      await raw.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
      await noSoonerThan(280, raw.serverClosed(slack));
      assert(
        await within("the rejection", promise) instanceof ClientDisconnectedError,
        "completed rejects with another error",
      );
    });
  });
}

Deno.test("a client that reads slowly but steadily gets all of the response (RFC 9112 §9.5)", async () => {
  await withServer(() => large(true), { streamTimeout: 500 }, async ({ connect }) => {
    const raw = connect({ deadline: slack });
    raw.pace = 10;
    await noSoonerThan(
      600,
      raw.request("GET / HTTP/1.1\r\nHost: a\r\n\r\n").then(({ body }) => {
        assertEquals(body.length, 8_000_000);
      }),
    );
  });
});

Deno.test("a client that never closes after an error is cut after lingerTimeout (RFC 9112 §9.6)", async () => {
  await withServer(reading, { lingerTimeout: 200 }, async ({ connect }) => {
    const raw = connect({ deadline: slack });
    raw.offer("BAD\r\n\r\n");
    assertEquals((await raw.readResponse()).status, 400);
    await raw.expectEnd();
    await raw.serverClosed(slack);
  });
});

Deno.test("a client that keeps sending after an error is cut after lingerTimeout (RFC 9112 §9.6)", async () => {
  await withServer(reading, { lingerTimeout: 200 }, async ({ connect }) => {
    const raw = connect({ deadline: slack });
    raw.offer("BAD\r\n\r\n");
    const dripping = drip(raw, "x".repeat(500), 10);
    assertEquals((await raw.readResponse()).status, 400);
    await raw.serverClosed(slack);
    await dripping;
  });
});
