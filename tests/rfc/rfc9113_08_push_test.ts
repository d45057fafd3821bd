/** RFC 9113 §8.4: pushed responses, by `exchange.push()`. */

import { type Exchange, type Handler, Response } from "../../mod.ts";
import { assert, assertEquals, assertMatch, thrown } from "../support/assert.ts";
import { turns, until, within } from "../support/deadline.ts";
import {
  ErrorCode,
  type Fields,
  FrameType,
  Gate,
  type Http2Client,
  initialWindow,
  Settings,
  withHttp2,
} from "../support/http2_client.ts";
import type { ServerOptions } from "../support/server.ts";

/** What a handler does that pushes: the paths that it pushes, and what it was told. */
class Pusher {
  readonly answers: boolean[] = [];
  readonly targets: string[] = [];
  readonly requests = new Map<string, Request>();

  constructor(readonly paths: readonly string[] = ["/pushed.css"], readonly headers?: HeadersInit) {}

  /** Pushes its paths for `/`, and answers everything with the target. */
  readonly handler: Handler = (request, exchange) => {
    this.targets.push(exchange.target);
    this.requests.set(exchange.target, request);
    if (exchange.target.startsWith("/pushed")) return new Response(exchange.target);
    for (const path of this.paths) this.answers.push(exchange.push(path, this.headers));
    return new Response(exchange.target);
  };
}

function promises(client: Http2Client): number[] {
  return [...client.log.streams.values()].filter(({ promise }) => promise !== null).map(({ id }) => id);
}

function promiseOf(client: Http2Client, id: number): Fields {
  return client.stream(id).promise ?? [];
}

Deno.test("push() promises a request on the stream it belongs to, and answers it on an even one (RFC 9113 §8.4.1, §8.4.2)", async () => {
  const pusher = new Pusher();
  await withHttp2(pusher.handler, {}, async ({ connect }) => {
    const client = connect();
    const id = client.request();
    assertEquals((await client.response(id)).text, "/");
    assertEquals((await client.response(2)).text, "/pushed.css");
    const pseudo = Object.fromEntries(promiseOf(client, 2).slice(0, 4));
    assertEquals(pseudo, { ":method": "GET", ":scheme": "http", ":authority": "a", ":path": "/pushed.css" });
    const frame = client.log.frames.find(({ type }) => type === FrameType.PUSH_PROMISE);
    assertEquals(frame?.streamId, id);
    assertEquals([pusher.targets, pusher.answers], [["/", "/pushed.css"], [true]]);
  });
});

Deno.test("a promise comes ahead of the response that it belongs to (RFC 9113 §8.4.1)", async () => {
  await withHttp2(new Pusher(["/pushed.css", "/pushed.js"]).handler, {}, async ({ connect }) => {
    const client = connect();
    await client.response(client.request());
    const ofStream = client.log.frames.filter(({ streamId }) => streamId === 1).map(({ type }) => type);
    assertEquals(ofStream.slice(0, 3), [FrameType.PUSH_PROMISE, FrameType.PUSH_PROMISE, FrameType.HEADERS]);
    for (const id of [2, 4]) assertEquals((await client.response(id)).status, 200);
  });
});

Deno.test("a pushed request is a GET with the headers that push() was given (RFC 9113 §8.4)", async () => {
  const pusher = new Pusher(["/pushed.css?a"], { "x-a": "1", "Accept": "text/css" });
  await withHttp2(pusher.handler, {}, async ({ connect }) => {
    const client = connect();
    client.request();
    await client.response(2);
    const request = pusher.requests.get("/pushed.css?a");
    assertEquals([request?.method, request?.url, request?.body], ["GET", "http://a/pushed.css?a", null]);
    assertEquals([request?.headers.get("x-a"), request?.headers.get("accept")], ["1", "text/css"]);
    const names = promiseOf(client, 2).map((field) => field[0]);
    assert(names.includes("x-a") && names.includes("accept"), names.join(" "));
  });
});

Deno.test("a promised request has the authority of the request it belongs to (RFC 9113 §8.4)", async () => {
  await withHttp2(new Pusher().handler, {}, async ({ connect }) => {
    const client = connect({ alpn: "h2" });
    const fields = [[":method", "GET"], [":scheme", "https"], [":path", "/"], [
      ":authority",
      "example.com:444",
    ]] as const;
    client.headers(1, fields);
    await client.response(2);
    const pseudo = Object.fromEntries(promiseOf(client, 2).slice(0, 4));
    assertEquals([pseudo[":scheme"], pseudo[":authority"]], ["https", "example.com:444"]);
  });
});

Deno.test("further promises have further even identifiers (RFC 9113 §5.1.1)", async () => {
  const paths = ["/pushed/1", "/pushed/2", "/pushed/3"];
  await withHttp2(new Pusher(paths).handler, {}, async ({ connect }) => {
    const client = connect();
    await client.response(client.request());
    assertEquals(promises(client), [2, 4, 6]);
    for (const [index, path] of paths.entries()) {
      assertEquals((await client.response(2 * (index + 1))).text, path);
    }
  });
});

for (const method of ["POST", "HEAD"]) {
  Deno.test(`a response to ${method} may be accompanied by a push (RFC 9113 §8.4.1)`, async () => {
    await withHttp2(new Pusher().handler, {}, async ({ connect }) => {
      const client = connect();
      const id = client.request({ method, ...(method === "POST" && { body: "content" }) });
      assertEquals((await client.response(id)).status, 200);
      assertEquals((await client.response(2)).text, "/pushed.css");
    });
  });
}

Deno.test("a push may be promised while the request is not complete (RFC 9113 §8.4.1)", async () => {
  const handler: Handler = async (request, exchange) => {
    if (exchange.target === "/pushed") return new Response("pushed");
    exchange.push("/pushed");
    return new Response(await request.text());
  };
  await withHttp2(handler, {}, async ({ connect }) => {
    const client = connect();
    const id = client.request({ method: "POST", endStream: false });
    assertEquals((await client.response(2)).text, "pushed");
    client.data(id, "hello", true);
    assertEquals((await client.response(id)).text, "hello");
  });
});

// When nothing is promised

const link = /<\/pushed\.css>; rel=preload/;

interface Refusal {
  readonly name: string;
  readonly section: string;
  readonly settings?: readonly (readonly [number, number])[];
  readonly options?: ServerOptions;
}

const refusals: readonly Refusal[] = [
  { name: "SETTINGS_ENABLE_PUSH is 0", section: "§6.5.2, §6.6, §8.4", settings: [[Settings.ENABLE_PUSH, 0]] },
  { name: "the option push is false", section: "§8.4", options: { push: false } },
];

for (const { name, section, settings = [], options = {} } of refusals) {
  Deno.test(`nothing is pushed where ${name}, and the response has a link (RFC 9113 ${section})`, async () => {
    const pusher = new Pusher();
    await withHttp2(pusher.handler, options, async ({ connect }) => {
      const client = connect({ settings });
      const response = await client.response(client.request());
      assertMatch(response.field("link") ?? "", link, "the link field");
      await client.expectAlive();
      assertEquals([promises(client), pusher.answers, pusher.targets], [[], [false], ["/"]]);
      assertEquals(client.peer.allowsPush, false);
    });
  });
}

Deno.test("a pushed path is in the link field all the same (RFC 9113 §8.4)", async () => {
  await withHttp2(new Pusher().handler, {}, async ({ connect }) => {
    const client = connect();
    const response = await client.response(client.request());
    assertMatch(response.field("link") ?? "", link, "the link field");
    assertEquals(client.peer.allowsPush, true);
    await client.response(2);
  });
});

Deno.test("the link field of push() stands beside a handler's own (RFC 9113 §8.4, RFC 8288 §3)", async () => {
  const handler: Handler = (_, exchange) => {
    if (exchange.target === "/") exchange.push("/pushed.css");
    return new Response("a", { headers: { link: "</own>; rel=next" } });
  };
  await withHttp2(handler, {}, async ({ connect }) => {
    const client = connect();
    const value = (await client.response(client.request())).field("link") ?? "";
    assertMatch(value, link, "the link field");
    assertMatch(value, /<\/own>; rel=next/, "the link field");
    await client.response(2);
  });
});

Deno.test("SETTINGS_ENABLE_PUSH of 0 holds from the moment that it comes (RFC 9113 §6.6)", async () => {
  const gate = new Gate();
  const answers: boolean[] = [];
  const handler: Handler = async (request, exchange) => {
    if (exchange.target.startsWith("/pushed")) return new Response();
    const response = await gate.handler(request, exchange);
    answers.push(exchange.push(`/pushed${exchange.target}`));
    return response;
  };
  await withHttp2(handler, {}, async ({ connect }) => {
    const client = connect();
    const [one, two, three] = ["/1", "/2", "/3"].map((path) => client.request({ path }));
    gate.open("/1");
    await client.response(one ?? 0);
    client.settings([[Settings.ENABLE_PUSH, 0]]);
    await client.acknowledged();
    gate.open("/2");
    await client.response(two ?? 0);
    client.settings([[Settings.ENABLE_PUSH, 1]]);
    await client.acknowledged();
    gate.open("/3");
    await client.response(three ?? 0);
    assertEquals(answers, [true, false, true]);
    await client.expectAlive();
  });
});

Deno.test("a path is pushed once on a connection (RFC 9113 §8.4)", async () => {
  const pusher = new Pusher(["/pushed.css", "/pushed.css"]);
  await withHttp2(pusher.handler, {}, async ({ connect }) => {
    const client = connect();
    for (const path of ["/1", "/2"]) {
      const response = await client.response(client.request({ path }));
      assertMatch(response.field("link") ?? "", link, "the link field");
    }
    await client.response(2);
    assertEquals(promises(client), [2]);
    assertEquals(pusher.answers[0], true);
    const other = connect();
    await other.response(other.request());
    assertEquals((await other.response(2)).text, "/pushed.css");
  });
});

Deno.test("a pushed request cannot push: its stream is not the client's (RFC 9113 §8.4.1)", async () => {
  const answers = new Map<string, boolean>();
  const handler: Handler = (_, exchange) => {
    answers.set(exchange.target, exchange.push(exchange.target === "/" ? "/a" : "/b"));
    return new Response(exchange.target);
  };
  await withHttp2(handler, {}, async ({ connect }) => {
    const client = connect();
    client.request();
    assertEquals((await client.response(2)).text, "/a");
    await client.expectAlive();
    assertEquals(promises(client), [2]);
    assertEquals([answers.get("/"), answers.get("/a")], [true, false]);
  });
});

Deno.test("push() is of no effect once the response was sent (RFC 9113 §8.4.1)", async () => {
  const { promise, resolve } = Promise.withResolvers<Exchange>();
  const handler: Handler = (_, exchange) => {
    resolve(exchange);
    return new Response();
  };
  await withHttp2(handler, {}, async ({ connect }) => {
    const client = connect();
    await client.response(client.request());
    assertEquals((await promise).push("/late"), false);
    await client.expectAlive();
    assertEquals(promises(client), []);
  });
});

Deno.test("push() is of no effect once the client has reset the stream (RFC 9113 §6.4, §8.4.1)", async () => {
  const gate = new Gate();
  const { promise, resolve } = Promise.withResolvers<Exchange>();
  const handler: Handler = (request, exchange) => {
    resolve(exchange);
    return gate.handler(request, exchange);
  };
  await withHttp2(handler, {}, async ({ connect }) => {
    const client = connect();
    client.reset(client.request({ path: "/a" }));
    await client.sync();
    assertEquals((await within("the handler", promise)).push("/late"), false);
    gate.open("/a");
    await client.expectAlive();
    assertEquals(promises(client), []);
  });
});

Deno.test("push() refuses what is no path of this origin, and headers that a request may not have (RFC 9113 §8.4)", async () => {
  const messages: string[] = [];
  const wrong: readonly (readonly [string, HeadersInit?])[] = [
    ["a.css"],
    ["https://b/a.css"],
    ["/a b"],
    ["/a#b"],
    [""],
    ["/a", { connection: "close" }],
    ["/a", { "transfer-encoding": "chunked" }],
    ["/a", { upgrade: "h3" }],
  ];
  const handler: Handler = (_, exchange) => {
    for (const [path, headers] of wrong) {
      const error = thrown(() => exchange.push(path, headers), `push(${path}, ${JSON.stringify(headers)})`);
      assert(error instanceof TypeError, `${error}`);
      messages.push(error.message);
    }
    return new Response("fine");
  };
  await withHttp2(handler, {}, async ({ connect, log }) => {
    const client = connect();
    const response = await client.response(client.request());
    assertEquals([response.text, log], ["fine", []]);
    await client.expectAlive();
    assertEquals([messages.length, promises(client)], [wrong.length, []]);
  });
});

// Concurrency, windows and resets of pushed streams

Deno.test("no more pushed responses are open than SETTINGS_MAX_CONCURRENT_STREAMS allows (RFC 9113 §5.1.2, §8.4.2)", async () => {
  const settings = [[Settings.MAX_CONCURRENT_STREAMS, 1], [Settings.INITIAL_WINDOW_SIZE, 5]] as const;
  const pusher = new Pusher(["/pushed/1", "/pushed/2"]);
  await withHttp2(pusher.handler, {}, async ({ connect }) => {
    const client = connect({ settings });
    const id = client.request();
    await client.response(id);
    await client.content(2, 5);
    await client.expectAlive(); // that only one is open the client checks
    const second = client.log.streams.get(4);
    assertEquals(second?.head ?? null, null, "the head of a second pushed response");
    client.grant(2, 100);
    assertEquals((await client.response(2)).text, "/pushed/1");
    if (!pusher.answers[1]) return assertEquals(second, undefined);
    await client.content(4, 5);
    client.grant(4, 100);
    assertEquals((await client.response(4)).text, "/pushed/2");
  });
});

Deno.test("a SETTINGS_MAX_CONCURRENT_STREAMS of 0 keeps pushed responses back (RFC 9113 §8.4.2)", async () => {
  const pusher = new Pusher();
  await withHttp2(pusher.handler, {}, async ({ connect }) => {
    const client = connect({ settings: [[Settings.MAX_CONCURRENT_STREAMS, 0]] });
    const id = client.request();
    assertEquals((await client.response(id)).text, "/");
    await turns();
    await client.expectAlive();
    assertEquals(client.log.streams.get(2)?.head ?? null, null);
    if (!pusher.answers[0]) return;
    client.settings([[Settings.MAX_CONCURRENT_STREAMS, 1]]);
    assertEquals((await client.response(2)).text, "/pushed.css");
  });
});

Deno.test("reserved streams do not count against the client's own (RFC 9113 §5.1.2)", async () => {
  const gate = new Gate();
  const handler: Handler = (request, exchange) => {
    if (exchange.target === "/now/push") exchange.push("/pushed");
    return gate.handler(request, exchange);
  };
  await withHttp2(handler, { concurrentStreamLimit: 2 }, async ({ connect }) => {
    const client = connect();
    assertEquals((await client.response(client.request({ path: "/now/push" }))).text, "now");
    await gate.arrival("/pushed");
    assertEquals((await client.response(client.request({ path: "/now" }))).text, "now");
    gate.open("/pushed");
    assertEquals((await client.response(2)).text, "/pushed");
  });
});

/** Pushes a large response beside a small one. */
const pushesMuch: Handler = (_, exchange) => {
  if (exchange.target === "/") exchange.push("/pushed");
  return new Response(exchange.target === "/" ? "a" : new Uint8Array(100_000));
};

Deno.test("pushed responses keep to both windows (RFC 9113 §6.9)", async () => {
  await withHttp2(pushesMuch, {}, async ({ connect }) => {
    const client = connect();
    const id = client.request();
    await client.content(2, initialWindow - 1);
    await client.expectAlive(); // that no more comes the client checks
    client.grant(0, 100_000);
    client.grant(2, 100_000);
    assertEquals((await client.response(2)).size, 100_000);
    assertEquals((await client.response(id)).text, "a");
  });
});

Deno.test("a pushed response does not hold up the one that it belongs to (RFC 9113 §8.4, RFC 9218 §10)", async () => {
  await withHttp2(pushesMuch, {}, async ({ connect }) => {
    const client = connect();
    const id = client.request();
    await client.content(2, initialWindow - 1);
    await client.sync();
    assertEquals(client.stream(id).text, "a");
  });
});

/** When a client resets a stream that was promised to it. */
const moments = ["reserved", "while its response comes"] as const;

for (const moment of moments) {
  Deno.test(`a client may reset a pushed stream, ${moment} (RFC 9113 §8.4.2)`, async () => {
    const gate = new Gate();
    let cancelled = false;
    const handler: Handler = (request, exchange) => {
      if (exchange.target === "/now/push") exchange.push("/pushed");
      return gate.handler(request, exchange);
    };
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(100)),
      cancel: () => void (cancelled = true),
    });
    await withHttp2(handler, {}, async ({ connect }) => {
      const client = connect();
      assertEquals((await client.response(client.request({ path: "/now/push" }))).text, "now");
      await gate.arrival("/pushed");
      if (moment !== "reserved") {
        gate.open("/pushed", new Response(body));
        await client.head(2);
      }
      client.reset(2, ErrorCode.CANCEL);
      await client.sync();
      const from = client.log.frames.length;
      if (moment === "reserved") gate.open("/pushed", new Response("late"));
      else await until("the stream's cancellation", () => cancelled);
      await until("the abortion", () => gate.signals.get("/pushed")?.aborted === true);
      await turns();
      await client.expectAlive();
      assertEquals(client.log.frames.slice(from).filter(({ streamId }) => streamId === 2), []);
      assertEquals((await client.response(client.request({ path: "/now/behind" }))).text, "now");
    });
  });
}

Deno.test("a pushed handler that fails is answered 500 on its stream (RFC 9113 §8.4.2)", async () => {
  const handler: Handler = (_, exchange) => {
    if (exchange.target !== "/") throw new Error("a bug");
    exchange.push("/pushed");
    return new Response("fine");
  };
  await withHttp2(handler, {}, async ({ connect }) => {
    const client = connect();
    assertEquals((await client.response(client.request())).text, "fine");
    assertEquals((await client.response(2)).status, 500);
    await client.expectAlive();
  });
});

Deno.test("trailers and interim responses may be pushed, too (RFC 9113 §8.1, §8.4.2)", async () => {
  const handler: Handler = (_, exchange) => {
    if (exchange.target === "/") {
      exchange.push("/pushed");
    } else {
      exchange.inform(103);
      exchange.setTrailers({ "x-t": "1" });
    }
    return new Response("a");
  };
  await withHttp2(handler, {}, async ({ connect }) => {
    const client = connect();
    client.request();
    const pushed = await client.response(2);
    assertEquals([pushed.status, pushed.text, pushed.trailers], [200, "a", [["x-t", "1"]]]);
  });
});
