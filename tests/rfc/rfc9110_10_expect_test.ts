/** RFC 9110 §10.1.1: Expect. */

import { type Handler, HttpError } from "../../mod.ts";
import { assert, assertEquals, assertOneOf } from "../support/assert.ts";
import { turns } from "../support/deadline.ts";
import { hasConnectionOption } from "../support/response_parser.ts";
import { type AcceptedClient, withServer } from "../support/server.ts";
import { Recorder } from "../support/vectors.ts";

const section = "RFC 9110 §10.1.1";
const reading: Handler = async (request) => new Response(`got ${await request.text()}`);
const behind = "GET /behind HTTP/1.1\r\nHost: a\r\n\r\n";

function head(value = "100-continue", lines = "Content-Length: 5\r\n", version = "HTTP/1.1"): string {
  return `POST / ${version}\r\nHost: a\r\nExpect: ${value}\r\n${lines}\r\n`;
}

for (const value of ["100-continue", "100-Continue", "100-CONTINUE"]) {
  Deno.test(`${value} gets 100 when the handler reads the body (${section})`, async () => {
    await withServer(reading, {}, async ({ connect }) => {
      const raw = connect();
      await raw.send(head(value));
      assertEquals((await raw.readHead()).status, 100);
      await raw.send("hello");
      const response = await raw.readResponse();
      assertEquals(response.text, "got hello");
      assertEquals(response.interim, []);
      await raw.expectOpen();
    });
  });
}

Deno.test(`100 has no fields that frame a body (${section}, §15.2)`, async () => {
  await withServer(reading, {}, async ({ connect }) => {
    const raw = connect();
    await raw.send(head());
    const { fields } = await raw.readHead();
    const names = fields.map(([name]) => name.toLowerCase());
    for (const name of ["content-length", "transfer-encoding", "connection"]) {
      assert(!names.includes(name), `100 has ${name}`);
    }
    await raw.send("hello");
    await raw.readResponse();
  });
});

Deno.test(`100 is sent with a chunked body too (${section})`, async () => {
  await withServer(reading, {}, async ({ connect }) => {
    const raw = connect();
    await raw.send(head("100-continue", "Transfer-Encoding: chunked\r\n"));
    assertEquals((await raw.readHead()).status, 100);
    await raw.send("5\r\nhello\r\n0\r\n\r\n");
    assertEquals((await raw.readResponse()).text, "got hello");
  });
});

/** Every way to begin reading a body. */
const readers: Readonly<Record<string, (request: Request) => Promise<unknown>>> = {
  arrayBuffer: (request) => request.arrayBuffer(),
  blob: (request) => request.blob(),
  bytes: (request) => request.bytes(),
  text: (request) => request.text(),
  "body.getReader": async (request) => await request.body?.getReader().read(),
  "for await": async (request) => {
    for await (const _ of request.body ?? []) continue;
  },
  clone: (request) => request.clone().text(),
  "new Request": (request) => new Request(request).text(),
};

for (const [name, read] of Object.entries(readers)) {
  Deno.test(`100 is sent when the handler reads by ${name} (${section})`, async () => {
    const handler: Handler = async (request) => {
      await read(request);
      return new Response("read");
    };
    await withServer(handler, {}, async ({ connect }) => {
      const raw = connect();
      await raw.send(head());
      assertEquals((await raw.readHead()).status, 100);
      await raw.send("hello");
      assertEquals((await raw.readResponse()).status, 200);
    });
  });
}

Deno.test(`no 100 is sent before the handler reads the body (${section})`, async () => {
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  const handler: Handler = async (request) => {
    await gate;
    return new Response(`got ${await request.text()}`);
  };
  await withServer(handler, {}, async ({ connect }) => {
    const raw = connect();
    await raw.send(head());
    const first = raw.readHead();
    await turns();
    assertEquals(raw.received, "");
    open();
    assertEquals((await first).status, 100);
    await raw.send("hello");
    assertEquals((await raw.readResponse()).text, "got hello");
  });
});

Deno.test(`100 is sent once (${section})`, async () => {
  const handler: Handler = async (request) => {
    const copy = request.clone();
    return new Response(`got ${await request.text()}${await copy.text()}`);
  };
  await withServer(handler, {}, async ({ connect }) => {
    const raw = connect();
    await raw.send(head());
    assertEquals((await raw.readHead()).status, 100);
    for (const byte of "hello") await raw.send(byte);
    const response = await raw.readResponse();
    assertEquals(response.interim.length, 0);
    assertEquals(response.text, "got hellohello");
  });
});

Deno.test(`a body that came with its head needs at most one 100 (${section})`, async () => {
  await withServer(reading, {}, async ({ connect }) => {
    const raw = connect();
    raw.offer(head() + "hello" + behind);
    const response = await raw.readResponse();
    assertEquals(response.text, "got hello");
    assert(response.interim.length <= 1, "more than one 100");
    assertEquals((await raw.readResponse()).text, "got ");
  });
});

/** After a final status without 100: the declared body, if it comes, is never a request. */
async function expectBodyOrClose(raw: AcceptedClient, closes: boolean, recorder: Recorder): Promise<void> {
  raw.offer("GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n" + behind);
  if (closes) await raw.expectEnd();
  else assertEquals((await raw.readResponse()).status, 200);
  assertEquals(recorder.seen.filter(({ target }) => target === "/smuggled"), []);
}

for (const status of [200, 401, 413]) {
  Deno.test(`a handler that answers ${status} unread gets no 100, and the body is never a request (${section})`, async () => {
    const recorder = new Recorder();
    const handler: Handler = (request, exchange) => {
      if (exchange.target !== "/") return recorder.handler(request, exchange);
      return new Response("no", { status });
    };
    await withServer(handler, {}, async ({ connect }) => {
      const raw = connect();
      await raw.send(head("100-continue", "Content-Length: 37\r\n"));
      const response = await raw.readResponse();
      assertEquals(response.status, status);
      assertEquals(response.interim, []);
      await expectBodyOrClose(raw, hasConnectionOption(response, "close"), recorder);
    });
  });
}

Deno.test(`an HttpError before the body is read is answered without 100 (${section})`, async () => {
  const handler: Handler = () => {
    throw new HttpError(403);
  };
  await withServer(handler, {}, async ({ connect }) => {
    const raw = connect();
    await raw.send(head());
    const response = await raw.readResponse();
    assertEquals([response.status, response.interim.length], [403, 0]);
  });
});

Deno.test(`a body announced beyond bodySizeLimit gets 413 and no 100 (${section})`, async () => {
  await withServer(reading, { bodySizeLimit: 4 }, async ({ connect }) => {
    const raw = connect();
    await raw.send(head());
    const response = await raw.readResponse();
    assertEquals([response.status, response.interim.length], [413, 0]);
  });
});

Deno.test(`HTTP/1.0 never gets 100 (${section}, §15.2)`, async () => {
  await withServer(reading, {}, async ({ connect }) => {
    const raw = connect();
    await raw.send(head("100-continue", "Content-Length: 5\r\n", "HTTP/1.0"));
    await turns();
    await raw.send("hello");
    const response = await raw.readResponse({ version: "HTTP/1.0" });
    assertEquals([response.status, response.text, response.interim.length], [200, "got hello", 0]);
    await raw.expectEnd();
  });
});

Deno.test(`an unknown expectation of HTTP/1.0 is ignored with the rest of Expect (${section})`, async () => {
  await withServer(reading, {}, async ({ connect }) => {
    const raw = connect();
    await raw.send(`${head("x-magic", "Content-Length: 5\r\n", "HTTP/1.0")}hello`);
    assertOneOf((await raw.readResponse({ version: "HTTP/1.0" })).status, [200, 417], "the status");
  });
});

Deno.test(`100-continue without a body gets no 100 and does no harm (${section})`, async () => {
  for (const lines of ["", "Content-Length: 0\r\n"]) {
    await withServer(reading, {}, async ({ connect }) => {
      const raw = connect();
      raw.offer(head("100-continue", lines) + behind);
      const response = await raw.readResponse();
      assertEquals([response.status, response.text, response.interim.length], [200, "got ", 0]);
      assertEquals((await raw.readResponse()).status, 200);
    });
  }
});

for (
  const value of ["x-magic", "100-continue, x-magic", "100-continued", "100", "200-ok", "100-continue;q=1"]
) {
  Deno.test(`the expectation ${value} is answered 417 (RFC 9110 §15.5.18)`, async () => {
    const recorder = new Recorder();
    await withServer(recorder.handler, {}, async ({ connect }) => {
      const raw = connect();
      raw.offer(head(value, "Content-Length: 37\r\n"));
      const response = await raw.readResponse();
      assertEquals([response.status, response.interim.length], [417, 0]);
      await expectBodyOrClose(raw, hasConnectionOption(response, "close"), recorder);
      assertEquals(recorder.seen.filter(({ target }) => target === "/"), []);
    });
  });
}

Deno.test(`a request that is badly framed gets 400 and no 100 (${section})`, async () => {
  await withServer(reading, {}, async ({ connect }) => {
    const raw = connect();
    raw.offer(head("100-continue", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"));
    const response = await raw.readResponse();
    assertEquals([response.status, response.interim.length], [400, 0]);
    await raw.expectClosedAfter(response);
  });
});
