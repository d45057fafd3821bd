/** RFC 9113 §8.1: how requests and responses are made of frames, and how they end. */

import { ClientDisconnectedError, type Exchange, type Handler, HttpError, Response } from "../../mod.ts";
import { assert, assertEquals, assertMatch, assertOneOf, rejection } from "../support/assert.ts";
import { turns, until, within } from "../support/deadline.ts";
import {
  ErrorCode,
  Flag,
  FrameType,
  Gate,
  type Http2Client,
  nameOf,
  requestFields,
  Settings,
  withHttp2,
} from "../support/http2_client.ts";
import { Recorder } from "../support/vectors.ts";

// Requests

Deno.test("a request is what its HEADERS, DATA and trailers say (RFC 9113 §8.1)", async () => {
  const recorder = new Recorder();
  await withHttp2(recorder.handler, {}, async ({ connect }) => {
    const client = connect();
    const id = client.request({ method: "PUT", path: "/a?b", fields: [["x-a", "1"]], endStream: false });
    client.data(id, "hel");
    client.data(id, "lo");
    client.headers(id, [["x-t", "2"], ["x-u", "3"]]);
    assertEquals((await client.response(id)).text, "5 bytes");
    const [seen] = recorder.seen;
    assertEquals([seen?.method, seen?.target, seen?.url, seen?.body], [
      "PUT",
      "/a?b",
      "http://a/a?b",
      "hello",
    ]);
    assertEquals(seen?.trailers, [["x-t", "2"], ["x-u", "3"]]);
  });
});

Deno.test("trailers that may not be trailers and harm nobody are dropped (RFC 9110 §6.5.1)", async () => {
  const recorder = new Recorder();
  await withHttp2(recorder.handler, {}, async ({ connect }) => {
    const client = connect();
    const id = client.request({ method: "PUT", endStream: false });
    client.headers(id, [["vary", "origin"], ["x-t", "2"], ["content-type", "text/html"]]);
    assertEquals((await client.response(id)).status, 200);
    assertEquals(recorder.seen[0]?.trailers, [["x-t", "2"]]);
  });
});

Deno.test("a handler learns that a request came over HTTP/2 (RFC 9113 §8.3.1)", async () => {
  const seen: unknown[] = [];
  const handler: Handler = (request, exchange) => {
    seen.push(exchange.protocol, exchange.extendedProtocol, request.method, request.body);
    return new Response();
  };
  await withHttp2(handler, {}, async ({ connect }) => {
    const client = connect();
    await client.response(client.request());
    assertEquals(seen, ["HTTP/2", null, "GET", null]);
  });
});

/** Requests without content. */
const empty: readonly (readonly [name: string, send: (client: Http2Client) => number])[] = [
  ["END_STREAM on HEADERS", (client) => client.request({ method: "POST" })],
  ["an empty DATA", (client) => client.request({ method: "POST", body: "" })],
  ["trailers at once", (client) => {
    const id = client.request({ method: "POST", endStream: false });
    client.headers(id, [["x-t", "1"]]);
    return id;
  }],
  ["trailers of no fields", (client) => {
    const id = client.request({ method: "POST", endStream: false });
    client.headers(id, []);
    return id;
  }],
];

for (const [name, send] of empty) {
  Deno.test(`a request without content may end by ${name} (RFC 9113 §8.1)`, async () => {
    const recorder = new Recorder();
    await withHttp2(recorder.handler, {}, async ({ connect }) => {
      const client = connect();
      assertEquals((await client.response(send(client))).text, "0 bytes");
      assertEquals(recorder.seen[0]?.body, "");
    });
  });
}

Deno.test("END_STREAM on HEADERS holds for the CONTINUATION behind it (RFC 9113 §8.1)", async () => {
  const recorder = new Recorder();
  await withHttp2(recorder.handler, {}, async ({ connect }) => {
    const client = connect();
    client.headers(1, requestFields("POST"), { endStream: true, endHeaders: false });
    client.continuation(1, []);
    assertEquals((await client.response(1)).text, "0 bytes");
  });
});

for (const sizes of [[5], [2, 3], [0, 5, 0], [1, 1, 1, 1, 1]]) {
  Deno.test(`content-length 5 agrees with DATA of ${sizes.join(", ")} (RFC 9113 §8.1.1)`, async () => {
    const recorder = new Recorder();
    await withHttp2(recorder.handler, {}, async ({ connect }) => {
      const client = connect();
      const id = client.request({ method: "POST", fields: [["content-length", "5"]], endStream: false });
      for (const [index, size] of sizes.entries()) {
        client.data(id, "x".repeat(size), index === sizes.length - 1);
      }
      assertEquals((await client.response(id)).text, "5 bytes");
    });
  });
}

Deno.test("padding is no part of a content-length (RFC 9113 §8.1.1)", async () => {
  const recorder = new Recorder();
  await withHttp2(recorder.handler, {}, async ({ connect }) => {
    const client = connect();
    const id = client.request({ method: "POST", fields: [["content-length", "5"]], endStream: false });
    const payload = "\x03hello\0\0\0";
    client.frame({ type: FrameType.DATA, flags: Flag.PADDED | Flag.END_STREAM, streamId: id, payload });
    assertEquals((await client.response(id)).text, "5 bytes");
  });
});

Deno.test("a handler runs before the request is complete, and reads as DATA comes (RFC 9113 §8.1)", async () => {
  const { promise, resolve } = Promise.withResolvers<string>();
  const handler: Handler = async (request) => {
    let text = "";
    for await (const piece of request.body ?? []) {
      text += new TextDecoder().decode(piece);
      resolve(text);
    }
    return new Response(text);
  };
  await withHttp2(handler, {}, async ({ connect }) => {
    const client = connect();
    const id = client.request({ method: "POST", endStream: false });
    client.data(id, "hello");
    assertEquals(await within("the first piece", promise), "hello");
    client.data(id, " world", true);
    assertEquals((await client.response(id)).text, "hello world");
  });
});

Deno.test("a request and its response may be under way at once (RFC 9113 §8.1)", async () => {
  await withHttp2((request) => new Response(request.body), {}, async ({ connect }) => {
    const client = connect();
    const id = client.request({ method: "POST", endStream: false });
    for (const [index, piece] of ["one", "two", "three"].entries()) {
      client.data(id, piece);
      await client.content(id, ["one", "onetwo", "onetwothree"][index]?.length ?? 0);
    }
    client.data(id, "", true);
    assertEquals((await client.response(id)).text, "onetwothree");
  });
});

Deno.test("OPTIONS * is a request for the server as a whole (RFC 9113 §8.3.1)", async () => {
  const recorder = new Recorder();
  await withHttp2(recorder.handler, {}, async ({ connect }) => {
    const client = connect();
    const response = await client.response(client.request({ method: "OPTIONS", path: "*" }));
    assertEquals(response.status, 204);
    assertMatch(response.field("allow") ?? "", /GET/);
  });
});

for (const [method, status] of [["TRACE", 405], ["CONNECT", 405], ["BREW", 501], ["get", 501]] as const) {
  Deno.test(`a method that is not allowed, ${method}, is answered ${status} (RFC 9110 §9.1)`, async () => {
    const recorder = new Recorder();
    const options = status === 501 ? { allowedMethods: ["GET"] } : {};
    await withHttp2(recorder.handler, options, async ({ connect }) => {
      const client = connect();
      const connecting = [[":method", "CONNECT"], [":authority", "a:80"]] as const;
      client.headers(1, method === "CONNECT" ? connecting : requestFields(method));
      assertEquals((await client.over(1)).status, status);
      assertEquals(recorder.seen, []);
      await client.expectAlive();
    });
  });
}

// Responses

Deno.test("a response is HEADERS, DATA and END_STREAM (RFC 9113 §8.1)", async () => {
  const handler: Handler = () =>
    new Response("hello", { status: 201, headers: { "X-A": "1", "content-type": "text/plain" } });
  await withHttp2(handler, {}, async ({ connect }) => {
    const client = connect();
    const response = await client.response(client.request());
    assertEquals([response.status, response.text], [201, "hello"]);
    assertEquals([response.field("x-a"), response.field("content-length")], ["1", "5"]);
    assertMatch(response.field("date") ?? "", /^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} .* GMT$/);
    assertEquals(response.trailers, null);
  });
});

Deno.test("a handler's own date is kept where it is one, and else replaced (RFC 9110 §6.6.1)", async () => {
  const kept = "Tue, 15 Nov 1994 08:12:31 GMT";
  const handler: Handler = (_, { target }) =>
    new Response("", { headers: { date: target === "/kept" ? kept : "now", server: "upstream" } });
  await withHttp2(handler, { serverHeader: "drover" }, async ({ connect }) => {
    const client = connect();
    const valuesOf = async (path: string, wanted: string) => {
      const { head } = await client.response(client.request({ path }));
      return (head?.fields ?? []).filter(([name]) => name === wanted).map(([, value]) => value);
    };
    assertEquals(await valuesOf("/kept", "date"), [kept]);
    const [replaced, ...more] = await valuesOf("/other", "date");
    assertEquals(more, []);
    assert(Math.abs(Date.parse(replaced ?? "") - Date.now()) < 3000, `date is ${replaced}`);
    assertEquals(await valuesOf("/kept", "server"), ["upstream"]);
  });
});

Deno.test("set-cookie fields stay apart (RFC 9110 §5.3)", async () => {
  const headers = [["set-cookie", "a=1"], ["set-cookie", "b=2"]] as [string, string][];
  await withHttp2(() => new Response("", { headers }), {}, async ({ connect }) => {
    const client = connect();
    const { head } = await client.response(client.request());
    const found = head?.fields.filter((field) => field[0] === "set-cookie").map((field) => field[1]);
    assertEquals(found, ["a=1", "b=2"]);
  });
});

for (const kind of ["Drover's", "the web's"]) {
  Deno.test(`names of ${kind} Response are sent in lower case (RFC 9113 §8.2)`, async () => {
    const made = kind === "the web's" ? globalThis.Response : Response;
    const handler: Handler = () => new made("a", { headers: { "X-Upper-Case": "Value", "ETag": '"E"' } });
    await withHttp2(handler, {}, async ({ connect }) => {
      const client = connect();
      const response = await client.response(client.request()); // whose names the client checks
      assertEquals([response.field("x-upper-case"), response.field("etag")], ["Value", '"E"']);
    });
  });

  Deno.test(`connection-specific fields of ${kind} Response are not sent (RFC 9113 §8.2.2)`, async () => {
    const made = kind === "the web's" ? globalThis.Response : Response;
    const headers = {
      "connection": "close, x-a",
      "keep-alive": "timeout=5",
      "proxy-connection": "close",
      "transfer-encoding": "chunked",
      "upgrade": "h3",
      "x-b": "2",
    };
    await withHttp2(() => new made("hello", { headers }), {}, async ({ connect }) => {
      const client = connect();
      const response = await client.response(client.request()); // whose fields the client checks
      assertEquals([response.text, response.field("x-b")], ["hello", "2"]);
    });
  });
}

for (
  const [value, ends] of [["close", true], ["x-a , CLOSE", true], ["not-close", false], [
    "close-not",
    false,
  ]] as const
) {
  Deno.test(`a handler's "connection: ${value}" ${ends ? "ends" : "does not end"} the connection (RFC 9113 §6.8, RFC 9110 §7.6.1)`, async () => {
    await withHttp2(() => new Response("a", { headers: { connection: value } }), {}, async ({ connect }) => {
      const client = connect();
      await client.response(client.request());
      if (!ends) return void await client.response(client.request());
      assertEquals((await client.closed())?.code, ErrorCode.NO_ERROR);
    });
  });
}

for (const status of [204, 205, 304]) {
  Deno.test(`a ${status} has no content (RFC 9113 §8.1.1, RFC 9110 §6.4.1)`, async () => {
    await withHttp2(() => new Response(null, { status }), {}, async ({ connect }) => {
      const client = connect();
      const response = await client.response(client.request());
      assertEquals([response.status, response.size], [status, 0]);
      const last = client.log.frames.filter(({ streamId }) => streamId === 1).at(-1);
      assertEquals((last?.flags ?? 0) & Flag.END_STREAM, Flag.END_STREAM);
      if (status === 204) assertEquals(response.field("content-length"), null);
    });
  });
}

for (const stream of [false, true]) {
  const what = stream ? "a stream" : "bytes";
  Deno.test(`the response of ${what} to HEAD has a head only (RFC 9113 §8.1.1, RFC 9110 §9.3.2)`, async () => {
    let cancelled = false;
    const body = () => new ReadableStream<Uint8Array>({ cancel: () => void (cancelled = true) });
    const handler: Handler = () => new Response(stream ? body() : "hello", { headers: { "x-a": "1" } });
    await withHttp2(handler, {}, async ({ connect }) => {
      const client = connect();
      const response = await client.response(client.request({ method: "HEAD" }));
      assertEquals([response.status, response.size, response.field("x-a")], [200, 0, "1"]);
      if (stream) await until("the stream's cancellation", () => cancelled);
      else assertEquals(response.field("content-length"), "5");
    });
  });
}

Deno.test("a response of a stream goes out as it is made (RFC 9113 §8.1)", async () => {
  const { promise: opened, resolve } = Promise.withResolvers<ReadableStreamDefaultController<Uint8Array>>();
  const handler: Handler = () =>
    new Response(new ReadableStream({ start: (controller) => resolve(controller) }));
  await withHttp2(handler, {}, async ({ connect }) => {
    const client = connect();
    const id = client.request();
    const controller = await within("the stream", opened);
    for (const [index, piece] of ["one", "two"].entries()) {
      controller.enqueue(new TextEncoder().encode(piece));
      await client.content(id, 3 * (index + 1));
    }
    controller.close();
    assertEquals((await client.response(id)).text, "onetwo");
  });
});

Deno.test("empty chunks of a stream end nothing (RFC 9113 §8.1)", async () => {
  const pieces = ["", "a", "", "b", ""];
  const handler: Handler = () =>
    new Response(ReadableStream.from(pieces.map((p) => new TextEncoder().encode(p))));
  await withHttp2(handler, {}, async ({ connect }) => {
    const client = connect();
    assertEquals((await client.response(client.request())).text, "ab");
  });
});

// Interim responses

Deno.test("inform() sends interim responses ahead of the final one (RFC 9113 §8.1)", async () => {
  const handler: Handler = (_, exchange) => {
    exchange.inform(103, { link: "</a.css>; rel=preload" });
    exchange.inform(102);
    return new Response("final");
  };
  await withHttp2(handler, {}, async ({ connect }) => {
    const client = connect();
    const response = await client.response(client.request());
    assertEquals(response.interim.map(({ status }) => status), [103, 102]);
    const link = response.interim[0]?.fields.find((field) => field[0] === "link")?.[1];
    assertEquals([link, response.status, response.text], ["</a.css>; rel=preload", 200, "final"]);
  });
});

Deno.test("an interim response goes out at once (RFC 9113 §8.1)", async () => {
  const gate = new Gate();
  const handler: Handler = (request, exchange) => {
    exchange.inform(103);
    return gate.handler(request, exchange);
  };
  await withHttp2(handler, {}, async ({ connect }) => {
    const client = connect();
    const id = client.request({ path: "/a" });
    await client.until("103", () => client.stream(id).interim[0]);
    assertEquals(client.stream(id).head, null);
    gate.open("/a");
    assertEquals((await client.response(id)).text, "/a");
  });
});

Deno.test("inform() does nothing once the final response has begun (RFC 9113 §8.1)", async () => {
  const { promise, resolve } = Promise.withResolvers<Exchange>();
  const gate = Promise.withResolvers<void>();
  const handler: Handler = (_, exchange) => {
    resolve(exchange);
    return new Response(
      new ReadableStream({
        async pull(controller) {
          controller.enqueue(new Uint8Array(1));
          await gate.promise;
          controller.close();
        },
      }),
    );
  };
  await withHttp2(handler, {}, async ({ connect }) => {
    const client = connect();
    const id = client.request();
    await client.head(id);
    (await promise).inform(103);
    gate.resolve();
    assertEquals((await client.response(id)).interim, []);
  });
});

Deno.test("100 (Continue) is sent when a handler waits for the body (RFC 9110 §10.1.1)", async () => {
  const recorder = new Recorder();
  await withHttp2(recorder.handler, {}, async ({ connect }) => {
    const client = connect();
    const fields = [["expect", "100-continue"]] as const;
    const id = client.request({ method: "POST", fields, endStream: false });
    await client.until("100", () => client.stream(id).interim[0]);
    client.data(id, "hello", true);
    const response = await client.response(id);
    assertEquals([response.interim.map(({ status }) => status), response.text], [[100], "5 bytes"]);
  });
});

Deno.test("100 (Continue) is not sent where nobody reads the body (RFC 9110 §10.1.1)", async () => {
  await withHttp2(() => new Response("no", { status: 403 }), {}, async ({ connect }) => {
    const client = connect();
    const fields = [["expect", "100-continue"]] as const;
    const response = await client.response(client.request({ method: "POST", fields, endStream: false }));
    assertEquals([response.interim, response.status], [[], 403]);
  });
});

// Trailers of responses

for (const kind of ["text", "stream", "nothing"] as const) {
  Deno.test(`setTrailers() ends a response of ${kind} with a trailer section (RFC 9113 §8.1)`, async () => {
    const handler: Handler = (_, exchange) => {
      exchange.setTrailers({ "x-checksum": "42", "X-Other": "yes" });
      if (kind === "nothing") return new Response();
      return new Response(kind === "text" ? "hello" : new Blob(["hello"]).stream());
    };
    await withHttp2(handler, {}, async ({ connect }) => {
      const client = connect();
      const response = await client.response(client.request({ fields: [["te", "trailers"]] }));
      assertEquals(response.text, kind === "nothing" ? "" : "hello");
      assertEquals(response.trailers, [["x-checksum", "42"], ["x-other", "yes"]]);
    });
  });
}

Deno.test("trailers may be made when the body was sent (RFC 9113 §8.1)", async () => {
  let sent = 0;
  const handler: Handler = (_, exchange) => {
    exchange.setTrailers(() => Promise.resolve({ "x-sent": `${sent}` }));
    return new Response(
      new ReadableStream({
        pull(controller) {
          if (sent === 3) return controller.close();
          controller.enqueue(new Uint8Array(1));
          sent++;
        },
      }),
    );
  };
  await withHttp2(handler, {}, async ({ connect }) => {
    const client = connect();
    assertEquals((await client.response(client.request())).trailers, [["x-sent", "3"]]);
  });
});

Deno.test("trailers wait for the content's window, though they need none (RFC 9113 §8.1, §6.9)", async () => {
  const handler: Handler = (_, exchange) => {
    exchange.setTrailers({ "x-t": "1" });
    return new Response("hello");
  };
  await withHttp2(handler, {}, async ({ connect }) => {
    const client = connect({ settings: [[Settings.INITIAL_WINDOW_SIZE, 2]] });
    const id = client.request();
    await client.content(id, 2);
    await client.sync();
    assertEquals(client.stream(id).trailers, null);
    client.grant(id, 3);
    const response = await client.response(id);
    assertEquals([response.text, response.trailers], ["hello", [["x-t", "1"]]]);
  });
});

// Early responses

Deno.test("a response ahead of the request's end is followed by RST_STREAM of NO_ERROR (RFC 9113 §8.1)", async () => {
  await withHttp2(() => new Response("early"), {}, async ({ connect }) => {
    const client = connect();
    const id = client.request({ method: "POST", endStream: false });
    client.data(id, "half");
    assertEquals((await client.response(id)).text, "early");
    await client.expectStreamError(id, ErrorCode.NO_ERROR);
    client.data(id, "the other half", true);
    await client.expectAlive();
    assertEquals(client.stream(id).resets, [ErrorCode.NO_ERROR]);
  });
});

Deno.test("a response behind the request's end is followed by no RST_STREAM (RFC 9113 §8.1)", async () => {
  await withHttp2(() => new Response("late"), {}, async ({ connect }) => {
    const client = connect();
    const id = client.request({ method: "POST", body: "unread" });
    assertEquals((await client.response(id)).text, "late");
    await client.expectAlive();
    assertEquals(client.stream(id).resets, []);
  });
});

/** Requests whose content is larger than ten bytes. */
const large: readonly (readonly [name: string, send: (client: Http2Client) => number])[] = [
  ["by its content-length", (client) => {
    return client.request({ method: "POST", fields: [["content-length", "11"]], endStream: false });
  }],
  ["by its DATA", (client) => {
    const id = client.request({ method: "POST", endStream: false });
    client.data(id, "12345678901");
    return id;
  }],
  ["by its DATA, complete", (client) => client.request({ method: "POST", body: "12345678901" })],
];

for (const [name, send] of large) {
  Deno.test(`a body that is too large ${name} is answered 413, and its stream closed (RFC 9110 §15.5.14, RFC 9113 §8.1)`, async () => {
    const recorder = new Recorder();
    await withHttp2(recorder.handler, { bodySizeLimit: 10 }, async ({ connect }) => {
      const client = connect();
      const id = send(client);
      assertEquals((await client.response(id)).status, 413);
      if (!name.includes("complete")) await client.expectStreamError(id, ErrorCode.NO_ERROR);
      assertEquals(recorder.seen.filter(({ body }) => body !== null), []);
      const fine = client.request({ method: "POST", body: "1234567890" });
      assertEquals((await client.response(fine)).text, "10 bytes");
    });
  });
}

// Handlers that fail

for (
  const [name, error, status] of [["an Error", new Error("x"), 500], [
    "a 418",
    new HttpError(418),
    418,
  ]] as const
) {
  Deno.test(`a handler that throws ${name} is answered ${status} (RFC 9113 §8.1)`, async () => {
    await withHttp2(() => Promise.reject(error), {}, async ({ connect }) => {
      const client = connect();
      assertEquals((await client.response(client.request())).status, status);
      await client.expectAlive();
    });
  });
}

/** A stream that gives some chunks and then fails. */
function failing(chunks: number): ReadableStream<Uint8Array> {
  let left = chunks;
  return new ReadableStream({
    pull(controller) {
      if (left-- > 0) controller.enqueue(new Uint8Array(10));
      else controller.error(new Error("the stream failed"));
    },
  });
}

Deno.test("a response whose stream fails midway ends in RST_STREAM of INTERNAL_ERROR (RFC 9113 §5.4.2, §8.1)", async () => {
  const { promise, resolve } = Promise.withResolvers<Error>();
  const handler: Handler = (_, exchange) => {
    resolve(rejection(exchange.completed, "exchange.completed"));
    return new Response(failing(3));
  };
  await withHttp2(handler, {}, async ({ connect, log }) => {
    const client = connect();
    const id = client.request();
    await client.expectStreamError(id, ErrorCode.INTERNAL_ERROR);
    assertEquals([client.stream(id).status, client.stream(id).ended], [200, false]);
    assertEquals((await within("the rejection", promise)).message, "the stream failed");
    assertEquals(log.length, 1, "errors that were logged");
  });
});

Deno.test("a response whose stream fails at once is no response of 200 (RFC 9113 §8.1)", async () => {
  await withHttp2(() => new Response(failing(0)), {}, async ({ connect }) => {
    const client = connect();
    const stream = await client.over(client.request());
    if (stream.ended) assertEquals(stream.status, 500);
    else assertEquals(stream.resets.map(nameOf), ["INTERNAL_ERROR"]);
    await client.expectAlive();
  });
});

for (const [name, length] of [["less", "50"], ["more", "5"]] as const) {
  Deno.test(`a stream of ${name} than the content-length does not pass for a whole response (RFC 9113 §8.1.1)`, async () => {
    const handler: Handler = () =>
      new Response(new Blob(["0123456789"]).stream(), { headers: { "content-length": length } });
    await withHttp2(handler, {}, async ({ connect }) => {
      const client = connect();
      const stream = await client.over(client.request()); // whose length the client checks where it ends well
      if (!stream.ended) assertEquals(stream.resets.map(nameOf), ["INTERNAL_ERROR"]);
      else assertOneOf(stream.status, [200, 500], "the status");
      await client.expectAlive();
    });
  });
}

// Clients that leave

/** A stream without an end, and whether it was cancelled. */
function endless() {
  const state = { cancelled: false, pulled: 0 };
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      state.pulled++;
      controller.enqueue(new Uint8Array(1_000));
    },
    cancel: () => void (state.cancelled = true),
  });
  return { state, body };
}

for (
  const [name, leave] of [
    ["RST_STREAM", (client: Http2Client, id: number) => Promise.resolve(client.reset(id))],
    ["the end of the connection", (client: Http2Client) => client.close()],
  ] as const
) {
  Deno.test(`${name} aborts request.signal while the handler runs (RFC 9113 §6.4)`, async () => {
    const { promise, resolve } = Promise.withResolvers<unknown>();
    const ended = Promise.withResolvers<Error>();
    const gate = new Gate();
    const handler: Handler = (request, exchange) => {
      request.signal.addEventListener("abort", () => resolve(request.signal.reason));
      ended.resolve(rejection(exchange.completed, "exchange.completed"));
      return gate.handler(request, exchange);
    };
    await withHttp2(handler, {}, async ({ connect }) => {
      const client = connect();
      const id = client.request({ path: "/a" });
      await gate.arrival("/a");
      await leave(client, id);
      assert(await within("the abortion", promise) instanceof ClientDisconnectedError, "another reason");
      const error = await within("the rejection of completed", ended.promise);
      assert(error instanceof ClientDisconnectedError, `completed rejects with ${error}`);
      gate.open("/a");
    });
  });

  Deno.test(`${name} cancels the stream of the response (RFC 9113 §6.4)`, async () => {
    const { state, body } = endless();
    await withHttp2(() => new Response(body), {}, async ({ connect }) => {
      const client = connect();
      const id = client.request();
      await client.content(id, 65_535);
      await leave(client, id);
      await until("the stream's cancellation", () => state.cancelled);
    });
  });

  Deno.test(`${name} fails the body that a handler reads (RFC 9113 §6.4)`, async () => {
    const { promise, resolve } = Promise.withResolvers<Error>();
    const handler: Handler = async (request) => {
      resolve(await rejection(request.text(), "the body"));
      return new Response();
    };
    await withHttp2(handler, {}, async ({ connect }) => {
      const client = connect();
      const id = client.request({ method: "POST", endStream: false });
      client.data(id, "half");
      await client.sync();
      await leave(client, id);
      const error = await within("the rejection", promise);
      assert(error instanceof ClientDisconnectedError, `the body rejects with ${error}`);
    });
  });
}

Deno.test("RST_STREAM while a stream of a response waits for its source cancels it (RFC 9113 §6.4)", async () => {
  let cancelled = false;
  const handler: Handler = () => new Response(new ReadableStream({ cancel: () => void (cancelled = true) }));
  await withHttp2(handler, {}, async ({ connect }) => {
    const client = connect();
    const id = client.request();
    await client.sync();
    client.reset(id);
    await until("the stream's cancellation", () => cancelled);
    await client.expectAlive();
  });
});

Deno.test("request.signal does not abort when a response was delivered (RFC 9113 §8.1)", async () => {
  const { promise, resolve } = Promise.withResolvers<AbortSignal>();
  const completed = Promise.withResolvers<void>();
  const handler: Handler = (request, exchange) => {
    resolve(request.signal);
    exchange.completed.then(completed.resolve, completed.reject);
    return new Response("a");
  };
  await withHttp2(handler, {}, async ({ connect }) => {
    const client = connect();
    const id = client.request();
    await client.response(id);
    await within("exchange.completed", completed.promise);
    client.reset(id);
    await client.sync();
    await client.close();
    await turns();
    assertEquals((await promise).aborted, false);
  });
});

Deno.test("a reset of one stream leaves the others alone (RFC 9113 §6.4)", async () => {
  const gate = new Gate();
  await withHttp2(gate.handler, {}, async ({ connect }) => {
    const client = connect();
    const ids = ["/1", "/2", "/3"].map((path) => client.request({ path }));
    await gate.arrival("/3");
    client.reset(ids[1] ?? 0);
    await client.sync();
    for (const target of gate.targets) gate.open(target);
    assertEquals((await client.response(ids[0] ?? 0)).text, "/1");
    assertEquals((await client.response(ids[2] ?? 0)).text, "/3");
    assertEquals(["/1", "/2", "/3"].map((path) => gate.signals.get(path)?.aborted), [false, true, false]);
  });
});

Deno.test("a client that ends its side behind a request still gets the response (RFC 9113 §5.4.3)", async () => {
  const gate = new Gate();
  await withHttp2(gate.handler, {}, async ({ connect }) => {
    const client = connect();
    const id = client.request({ path: "/a" });
    await gate.arrival("/a");
    await client.end();
    await turns();
    gate.open("/a");
    assertEquals((await client.response(id)).text, "/a");
    await client.closed();
  });
});

// §8.6

Deno.test("inform(101) is refused (RFC 9113 §8.6)", async () => {
  const handler: Handler = (_, exchange) => {
    exchange.inform(101);
    return new Response();
  };
  await withHttp2(handler, {}, async ({ connect }) => {
    const client = connect();
    const response = await client.response(client.request());
    assertEquals([response.status, response.interim], [500, []]);
  });
});
