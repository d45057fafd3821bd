/** RFC 9110 §6.4 to §6.6: content and its absence, and Date. RFC 9112 §6: how the server frames what it sends. */

import { type Handler, HttpError, Response as DroverResponse } from "../../mod.ts";
import { assert, assertEquals, assertOneOf } from "../support/assert.ts";
import { field, type RawResponse } from "../support/response_parser.ts";
import { withServer } from "../support/server.ts";

/** One request; and where the connection persists, a second one must be answered behind it. */
function ask(
  handler: Handler,
  method = "GET",
  version: "HTTP/1.0" | "HTTP/1.1" = "HTTP/1.1",
): Promise<RawResponse> {
  return withServer(handler, {}, async ({ connect }) => {
    const raw = connect();
    raw.offer(`${method} / ${version}\r\nHost: a\r\n\r\n`);
    const response = await raw.readResponse({ method, version });
    if (version === "HTTP/1.0") await raw.expectEnd();
    else {await raw.request("GET /again HTTP/1.1\r\nHost: a\r\n\r\n").then(({ status }) =>
        assert(status > 0, "a status")
      );}
    return response;
  });
}

function stream(...pieces: readonly string[]): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return ReadableStream.from(pieces.map((piece) => encoder.encode(piece)));
}

/** Bodies of known length: the response must say it (RFC 9110 §8.6). */
const sized: Readonly<Record<string, () => BodyInit | null>> = {
  "a string": () => "hello",
  "an ArrayBuffer": () => new TextEncoder().encode("hello").buffer,
  "a Uint8Array": () => new TextEncoder().encode("hello"),
  "a view into a larger buffer": () => new TextEncoder().encode("say hello!").subarray(4, 9),
  "a DataView": () => new DataView(new TextEncoder().encode("hello").buffer),
};

for (
  const [made, make] of [["web", (body: BodyInit | null) => new Response(body)], [
    "Drover",
    (body: BodyInit | null) => new DroverResponse(body),
  ]] as const
) {
  for (const [name, body] of Object.entries(sized)) {
    Deno.test(`${name} in a ${made} Response is sent with its length (RFC 9110 §8.6)`, async () => {
      const response = await ask(() => make(body()));
      assertEquals(response.text, "hello");
      assertOneOf(response.framing, ["length", "chunked"], "the framing");
      if (made === "Drover") assertEquals(field(response.fields, "content-length"), "5");
    });
  }

  Deno.test(`a stream in a ${made} Response is sent in chunks (RFC 9112 §7.1)`, async () => {
    const response = await ask(() => make(stream("hello", " ", "world")));
    assertEquals(response.framing, "chunked");
    assertEquals(response.text, "hello world");
  });

  Deno.test(`no body in a ${made} Response is a length of 0 (RFC 9110 §8.6)`, async () => {
    const response = await ask(() => make(null));
    assertEquals(field(response.fields, "content-length"), "0");
    assertEquals(response.body.length, 0);
  });

  Deno.test(`an empty string in a ${made} Response is an empty body (RFC 9110 §8.6)`, async () => {
    const response = await ask(() => make(""));
    assertEquals(response.body.length, 0);
    if (made === "Drover") assertEquals(field(response.fields, "content-length"), "0");
  });

  Deno.test(`a Blob in a ${made} Response arrives whole (RFC 9110 §6.4)`, async () => {
    assertEquals((await ask(() => make(new Blob(["hel", "lo"])))).text, "hello");
  });

  Deno.test(`text beyond ASCII in a ${made} Response is counted in bytes (RFC 9110 §8.6)`, async () => {
    const response = await ask(() => make("häßlich 😀"));
    assertEquals(response.text, "häßlich 😀");
    if (made === "Drover") assertEquals(field(response.fields, "content-length"), "14");
  });

  Deno.test(`URLSearchParams in a ${made} Response have their type (RFC 9110 §8.3)`, async () => {
    const response = await ask(() => make(new URLSearchParams({ a: "1" })));
    assertEquals(response.text, "a=1");
    assertEquals(field(response.fields, "content-type"), "application/x-www-form-urlencoded;charset=UTF-8");
  });

  Deno.test(`a string in a ${made} Response has its type (RFC 9110 §8.3)`, async () => {
    const response = await ask(() => make("x"));
    assertEquals(field(response.fields, "content-type"), "text/plain;charset=UTF-8");
  });
}

Deno.test("FormData arrives with its boundary (RFC 9110 §8.3)", async () => {
  const form = new FormData();
  form.set("name", "value");
  const response = await ask(() => new Response(form));
  const type = field(response.fields, "content-type") ?? "";
  const again = await new Response(response.body, { headers: { "content-type": type } }).formData();
  assertEquals(again.get("name"), "value");
});

Deno.test("empty pieces of a stream do not end the body (RFC 9112 §7.1)", async () => {
  const response = await ask(() => new Response(stream("", "hel", "", "", "lo", "")));
  assertEquals(response.text, "hello");
});

Deno.test("an empty stream is a whole, empty body (RFC 9112 §7.1)", async () => {
  const response = await ask(() => new Response(stream(), { status: 299 }));
  assertEquals([response.status, response.text], [299, ""]);
  assert(response.complete, "the body is complete");
});

Deno.test("a stream with a declared length is sent with that length (RFC 9110 §8.6)", async () => {
  const response = await ask(() => new Response(stream("hel", "lo"), { headers: { "content-length": "5" } }));
  assertEquals(response.framing, "length");
  assertEquals(response.text, "hello");
});

for (const size of [4095, 4096, 8191, 8192, 8193, 65_535, 65_536, 131_072, 131_073, 1_000_000]) {
  Deno.test(`a body of ${size} bytes arrives as it is, whole and streamed (RFC 9110 §6.4)`, async () => {
    const bytes = Uint8Array.from({ length: size }, (_, index) => index * 31);
    for (const make of [() => new Response(bytes), () => new Response(new Blob([bytes]).stream())]) {
      const { body } = await ask(make);
      assertEquals(body.length, size);
      assert(body.every((byte, index) => byte === bytes[index]), "other bytes came");
    }
  });
}

Deno.test("HTTP/1.0 gets a stream without chunks, ended by the close (RFC 9112 §6.1)", async () => {
  const response = await ask(() => new Response(stream("hello", " world")), "GET", "HTTP/1.0");
  assertEquals(response.text, "hello world");
  assertEquals(field(response.fields, "transfer-encoding"), undefined);
});

Deno.test("HTTP/1.0 gets a string with its length (RFC 9112 §6.2)", async () => {
  const response = await ask(() => new DroverResponse("hello"), "GET", "HTTP/1.0");
  assertEquals(response.framing, "length");
  assertEquals(response.text, "hello");
});

// RFC 9110 §6.4.1: responses without content
for (const body of ["none", "a stream"]) {
  for (const status of [204, 304]) {
    if (body === "a stream") continue;
    Deno.test(`${status} has no content (RFC 9110 §6.4.1)`, async () => {
      const response = await ask(() => new Response(null, { status }));
      assertEquals(response.status, status);
      assertEquals(response.framing, "none");
      if (status === 204) assertEquals(field(response.fields, "content-length"), undefined);
    });
  }
}

Deno.test("204 never has Content-Length, not even the handler's (RFC 9110 §8.6)", async () => {
  const response = await ask(() => new Response(null, { status: 204, headers: { "content-length": "0" } }));
  assertEquals(field(response.fields, "content-length"), undefined);
});

Deno.test("304 may say the length of what it spares (RFC 9110 §8.6)", async () => {
  const headers = { "content-length": "1234", etag: '"x"' };
  const response = await ask(() => new Response(null, { status: 304, headers }));
  assertOneOf(field(response.fields, "content-length"), [undefined, "1234"], "Content-Length");
  assertEquals(field(response.fields, "etag"), '"x"');
});

Deno.test("205 says that its content is empty (RFC 9110 §15.3.6)", async () => {
  const response = await ask(() => new Response(null, { status: 205 }));
  assertEquals(response.status, 205);
  assertEquals(response.framing, "length");
  assertEquals(field(response.fields, "content-length"), "0");
});

// RFC 9110 §6.6.1: Date
const now = () => Math.floor(Date.now() / 1000) * 1000;
const dated: Readonly<Record<string, Handler>> = {
  "200": () => new Response("x"),
  "302": () => Response.redirect("http://a/b"),
  "404": () => new Response("x", { status: 404 }),
  "418 by HttpError": () => {
    throw new HttpError(418);
  },
};

for (const [name, handler] of Object.entries(dated)) {
  Deno.test(`a response of ${name} has the time in Date (RFC 9110 §6.6.1)`, async () => {
    const before = now();
    const { fields, status } = await ask(handler);
    assertEquals(status, parseInt(name));
    const date = Date.parse(field(fields, "date") ?? "");
    assert(
      date >= before - 1000 && date <= now() + 1000,
      `Date is ${new Date(date)}, the time ${new Date()}`,
    );
  });
}

Deno.test("the server's own 400 has the time in Date (RFC 9110 §6.6.1)", async () => {
  await withServer(() => new Response(), {}, async ({ connect }) => {
    const raw = connect();
    raw.offer("BAD\r\n\r\n");
    const { fields, status } = await raw.readResponse();
    assertEquals(status, 400);
    assert(Math.abs(Date.parse(field(fields, "date") ?? "") - Date.now()) < 3000, "Date is off");
  });
});

/** The `date` lines of a response whose handler gave those fields. */
async function datesOf(headers: HeadersInit, make = Response): Promise<string[]> {
  const { fields, text } = await ask(() => new make("x", { headers }));
  assertEquals(text, "x");
  return fields.filter(([name]) => name.toLowerCase() === "date").map(([, value]) => value);
}

Deno.test("a handler's own Date is kept (RFC 9110 §6.6.1)", async () => {
  const date = "Tue, 15 Nov 1994 08:12:31 GMT";
  for (const make of [Response, DroverResponse]) assertEquals(await datesOf({ date }, make), [date]);
  assertEquals(await datesOf({ Date: date, "x-a": "1" }), [date]);
});

for (
  const date of [
    "Mon, 15 Nov 1994 08:12:31 GMT",
    "Tuesday, 15-Nov-94 08:12:31 GMT",
    "Tue Nov 15 08:12:31 1994",
    "Tue, 15 Nov 1994 08:12:31 UTC",
    "Tue, 32 Nov 1994 08:12:31 GMT",
    "2024-01-01T00:00:00Z",
    "784887151",
    "",
  ]
) {
  Deno.test(`a handler's Date ${JSON.stringify(date)} is replaced (RFC 9110 §5.6.7)`, async () => {
    const [value, ...more] = await datesOf({ date });
    assertEquals(more, []);
    assert(Math.abs(Date.parse(value ?? "") - Date.now()) < 3000, `Date is ${value}`);
  });
}

Deno.test("a handler's two Dates are replaced by one (RFC 9110 §5.6.7)", async () => {
  const date = "Tue, 15 Nov 1994 08:12:31 GMT";
  const dates = await datesOf([["date", date], ["date", date]]);
  assertEquals(dates.map((value) => Math.abs(Date.parse(value) - Date.now()) < 3000), [true]);
});

Deno.test("a handler's Server stands in the place of serverHeader (RFC 9110 §10.2.4)", async () => {
  const handler = () => new Response("x", { headers: { server: "upstream" } });
  await withServer(handler, { serverHeader: "drover" }, async ({ connect }) => {
    const { fields } = await connect().request("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assertEquals(fields.filter(([name]) => name.toLowerCase() === "server"), [["server", "upstream"]]);
  });
});

Deno.test("a server is silent about its software by default (RFC 9110 §10.2.4)", async () => {
  const { fields, text } = await ask(() => new Response("x"));
  assertEquals([text, field(fields, "server")], ["x", undefined]);
});

Deno.test("serverHeader is the value of Server, once (RFC 9110 §10.2.4)", async () => {
  await withServer(() => new Response("x"), { serverHeader: "drover" }, async ({ connect }) => {
    const raw = connect();
    const { fields } = await raw.request("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assertEquals(fields.filter(([name]) => name.toLowerCase() === "server").map(([, value]) => value), [
      "drover",
    ]);
    raw.offer("BAD\r\n\r\n");
    assertEquals(field((await raw.readResponse()).fields, "server"), "drover");
  });
});

Deno.test("several Set-Cookie fields stay several lines (RFC 9110 §5.3)", async () => {
  const headers = new Headers([["set-cookie", "a=1; Expires=Tue, 15 Nov 1994 08:12:31 GMT"], [
    "set-cookie",
    "b=2",
  ]]);
  for (const make of [Response, DroverResponse]) {
    const { fields } = await ask(() => new make("x", { headers }));
    const cookies = fields.filter(([name]) => name.toLowerCase() === "set-cookie").map(([, value]) => value);
    assertEquals(cookies, ["a=1; Expires=Tue, 15 Nov 1994 08:12:31 GMT", "b=2"]);
  }
});

Deno.test("the handler's status, reason and fields reach the client (RFC 9112 §4)", async () => {
  for (const make of [Response, DroverResponse]) {
    const init = { status: 299, statusText: "Quite OK", headers: { "x-a": "caf\xe9", "x-empty": "" } };
    const { status, reason, fields } = await ask(() => new make("x", init));
    assertEquals([status, reason], [299, "Quite OK"]);
    assertEquals([field(fields, "x-a"), field(fields, "x-empty")], ["caf\xe9", ""]);
  }
});
