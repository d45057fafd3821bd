/** Drover's `Response` beside the web's, made of the same: whoever is given one cannot tell which it is. */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { type Handler, Response as DroverResponse } from "../mod.ts";
import { STATIC_RESPONSE_HOLDS } from "../platform_response.ts";
import { withServer, withTcpServer } from "./support/server.ts";

const FORM = '--x\r\ncontent-disposition: form-data; name="a"\r\n\r\n1\r\n--x--\r\n';
const BYTES = new Uint8Array([1, 2, 3, 4]);

/** What is not of the type that a constructor declares. */
function mistaken<T>(value: unknown): T {
  return value as T;
}

type Arguments = ConstructorParameters<typeof Response>;

const MADE_OF: Readonly<Record<string, () => Arguments>> = {
  "nothing": () => [],
  "null": () => [null],
  "an empty text": () => [""],
  "a text": () => ["héllo \ud800"],
  // With the type alone the clone of Deno 2.9.6's own class has no fields at all, so that it is no judge
  // here.
  "JSON text": () => ['{"a":1}', { headers: { "content-type": "application/json", b: "" } }],
  "bytes": () => [BYTES],
  "part of a memory": () => [BYTES.subarray(1, 3)],
  "an ArrayBuffer": () => [BYTES.buffer],
  "a DataView": () => [new DataView(BYTES.buffer, 1, 2)],
  "numbers of 16 bits": () => [new Uint16Array([513, 1027])],
  "shared memory": () => [mistaken<BodyInit>(new Uint8Array(new SharedArrayBuffer(2)))],
  "a stream": () => [new Blob(["stream"]).stream()],
  "a locked stream": () => {
    const stream = new Blob(["stream"]).stream();
    stream.getReader();
    return [stream];
  },
  "a Blob": () => [new Blob(["blob"], { type: "text/x" })],
  "a form": () => [FORM, { headers: { "content-type": "multipart/form-data; boundary=x" } }],
  "URLSearchParams": () => [new URLSearchParams("a=1")],
  "a number": () => [mistaken<BodyInit>(5)],
  "a status": () => ["x", { status: 404 }],
  "a status of no body": () => [null, { status: 304 }],
  "a status of no body, with one": () => ["x", { status: 204 }],
  "a status as text": () => ["x", { status: mistaken<number>("201") }],
  "no status": () => ["x", { status: mistaken<number>(null) }],
  "status 101": () => [null, { status: 101 }],
  "status 600": () => ["x", { status: 600 }],
  "half a status": () => ["x", { status: 200.5 }],
  "a status text": () => ["x", { statusText: "Fine" }],
  "a status text of two lines": () => ["x", { statusText: "a\r\nb" }],
  "an init of null": () => ["x", mistaken<ResponseInit>(null)],
  "an init that is a text": () => ["x", mistaken<ResponseInit>("init")],
  "fields": () => ["x", { headers: { a: "1", "content-type": "text/x", b: "é" } }],
  "fields in upper case": () => ["x", { headers: { "X-A": "1", "Content-Type": "text/x" } }],
  "fields with white space": () => ["x", { headers: { a: " 1 " } }],
  "fields of pairs":
    () => ["x", { headers: [["a", "1"], ["a", "2"], ["set-cookie", "b"], ["set-cookie", "c"]] }],
  "Headers": () => ["x", { headers: new Headers({ a: "1" }) }],
  "numbers as fields": () => ["x", { headers: mistaken<HeadersInit>({ a: 1 }) }],
  "no headers": () => ["x", { headers: mistaken<HeadersInit>(null) }],
  "headers that are a text": () => ["x", { headers: mistaken<HeadersInit>("a: 1") }],
  "a name that is none": () => ["x", { headers: { "a b": "1" } }],
  "a value of two lines": () => ["x", { headers: { a: "1\r\nb: 2" } }],
};

type Maker = (...made: Arguments) => Response;

const MAKERS: readonly Maker[] = [
  (...made) => new Response(...made),
  (...made) => new DroverResponse(...made),
];

/** Everything that can be seen of a response without its body, or what its constructor threw. */
function see(response: Response): unknown {
  const { status, statusText, ok, type, url, redirected, bodyUsed } = response;
  return { status, statusText, ok, type, url, redirected, bodyUsed, headers: [...response.headers] };
}

/** What both make of the same; where one throws, the other has to throw the same. */
async function compare(made: () => Arguments, use: (response: Response) => unknown): Promise<void> {
  const results = await Promise.all(MAKERS.map(async (make) => {
    try {
      return await use(make(...made()));
    } catch (error) {
      assert(error instanceof Error);
      return `${error.name}: ${error.message}`;
    }
  }));
  assertEquals(results[1], results[0]);
}

async function throughServer(response: Response): Promise<unknown> {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () => response);
  try {
    const received = await fetch(`http://127.0.0.1:${server.addr.port}/`);
    const headers = [...received.headers].filter(([name]) => name !== "date");
    return [received.status, received.statusText, headers, await received.bytes()];
  } finally {
    await server.shutdown();
  }
}

const USES: Readonly<Record<string, (response: Response) => unknown>> = {
  "looked at": see,
  "looked at after its body was": (
    response,
  ) => [response.body === null, response.bodyUsed, see(response)],
  "text()": async (response) => [await response.text(), response.bodyUsed],
  "bytes() twice": async (response) => [await response.bytes(), await response.bytes()],
  "arrayBuffer()": async (response) => new Uint8Array(await response.arrayBuffer()),
  "blob()": async (response) => (await response.blob()).type,
  "json()": (response) => response.json(),
  "formData()": async (response) => [...await response.formData()],
  "clone()": async (response) => {
    const copy = response.clone();
    return [
      see(copy),
      await copy.text(),
      await response.text(),
      see(response),
    ];
  },
  "its headers set": (response) => {
    response.headers.set("a", "changed");
    response.headers.append("b", "2");
    return see(response);
  },
  "another made of it": async (response) => {
    const other = new Response(response.body, response);
    return [see(other), await other.text(), response.bodyUsed];
  },
  "the methods of the web's class": async (response) => {
    const copy = Response.prototype.clone.call(response);
    return [
      await Response.prototype.text.call(response),
      await Response.prototype.text.call(copy),
      see(response),
    ];
  },
  "Deno.serve": throughServer,
};

for (const [what, use] of Object.entries(USES)) {
  Deno.test(`a Response is the web's for ${what}, whatever it was made of (Fetch §5.5)`, async (test) => {
    for (const [name, made] of Object.entries(MADE_OF)) {
      await test.step(name, () => compare(made, use));
    }
  });
}

/**
 * What only a platform shows whose inner workings are known. On any other one the public interface is used.
 */
const ofStaticResponse = { ignore: !STATIC_RESPONSE_HOLDS };

Deno.test(
  "a Response keeps what it was made of until somebody may have read it",
  ofStaticResponse,
  async () => {
    const { contentOf, fieldsOf } = DroverResponse;
    const changed = new DroverResponse("text", { headers: { a: "1" } });
    changed.headers.set("a", "2");
    assertEquals([contentOf(changed), ...fieldsOf(changed)], [
      "text",
      "a",
      "2",
      "content-type",
      "text/plain;charset=UTF-8",
    ]);

    const bytes = new DroverResponse(BYTES);
    assertEquals([bytes.status, bytes.ok, bytes.bodyUsed, bytes.url], [200, true, false, ""]);
    assert(contentOf(bytes) === BYTES);

    for (const method of ["text", "bytes", "arrayBuffer", "blob", "json"] as const) {
      const response = new DroverResponse("1");
      const read = response[method]();
      assertThrows(() => contentOf(response), TypeError, "read already");
      await read;
      await assertRejects(() => response[method](), TypeError);
    }
    const streamed = new DroverResponse("text");
    assertEquals(await Array.fromAsync(streamed.textStream()), ["text"]);
    assertThrows(() => contentOf(streamed), TypeError, "read already");
    assertEquals(contentOf(new DroverResponse("text").clone()), "text");
  },
);

Deno.test(
  "a text or bytes of the web's Response are known without its stream, as long as nobody has asked for that",
  ofStaticResponse,
  async () => {
    const { contentOf } = DroverResponse;
    for (const [name, made] of Object.entries(MADE_OF)) {
      let response: Response;
      try {
        response = new Response(...made());
      } catch {
        continue; // what the web's class refuses
      }
      const content = contentOf(response.clone());
      const isKnown = response.clone().body !== null && !/stream|Blob/.test(name);
      assertEquals(typeof content === "string" || content instanceof Uint8Array, isKnown, name);
      if (!isKnown) continue;
      assertEquals(await new Response(mistaken<BodyInit>(content)).bytes(), await response.bytes(), name);
      assertThrows(() => contentOf(response), TypeError, "read already");
    }
    for (const init of [undefined, { headers: { a: "1" } }, { status: 404 }]) {
      const response = new Response("text", init);
      assert(response.body !== null);
      assert(contentOf(response) === response.body);
    }
  },
);

/** The fields of a message, their order left out. */
function fieldsOf(response: Response): string[] {
  const fields = DroverResponse.fieldsOf(response);
  return fields.flatMap((name, index) => index % 2 === 0 ? [`${name}: ${fields[index + 1]}`] : []).sort();
}

Deno.test(
  "the fields of the web's Response are those of its Headers, whether or not these were made",
  ofStaticResponse,
  () => {
    const responses: (() => Response)[] = [
      ...Object.values(MADE_OF).map((made) => () => new Response(...made())),
      () => Response.json({ a: 1 }),
      () => Response.json({ a: 1 }, { status: 201, headers: { a: "1" } }),
      () => Response.redirect("http://a/", 303),
      () => Response.error(),
      () => new Response("a").clone(),
      () =>
        new Response(
          new Response("a", { headers: { a: "1" } }).body,
          new Response("b", { headers: { b: "2" } }),
        ),
    ];
    const { fieldsOf: asked } = DroverResponse;
    assert(asked(new Response("a")) === asked(new Response("b")), "nothing is made for a text");
    for (const make of responses) {
      let response: Response;
      try {
        response = make();
      } catch {
        continue; // what the web's class refuses
      }
      const found = fieldsOf(response);
      const seen = [...response.headers].map(([name, value]) => `${name}: ${value}`).sort();
      assertEquals(found, seen);
      assertEquals(fieldsOf(response), seen);
    }
  },
);

Deno.test("the fields of the web's Response follow its Headers, and those of a class of one's own are its own", () => {
  for (
    const make of [() => new Response("a"), () => Response.json(1), () => new Response("a", { status: 404 })]
  ) {
    const response = make();
    const { headers } = response;
    headers.set("content-type", "text/x");
    headers.append("a", "1");
    headers.append("a", "2");
    assertEquals(fieldsOf(response), ["a: 1, 2", "content-type: text/x"]);
    headers.delete("content-type");
    assertEquals(fieldsOf(response), ["a: 1, 2"]);
  }
  class Own extends Response {
    override get headers(): Headers {
      return new Headers({ own: "1" });
    }
  }
  assertEquals(fieldsOf(new Own("a")), ["own: 1"]);
  const headers = new Headers({ own: "1" });
  const own = Object.defineProperty(new Response("a"), "headers", { value: headers });
  assertEquals(fieldsOf(own), ["own: 1"]);
  const body = new Blob(["own"]).stream();
  assert(
    DroverResponse.contentOf(Object.defineProperty(new Response("a"), "body", { value: body })) === body,
  );
  const proxy = new Proxy(new Response("a"), {
    get: (target, name) => name === "headers" ? headers : Reflect.get(target, name, target),
  });
  assertEquals(fieldsOf(proxy), ["own: 1"]);
  const cookies = new Response(null, { headers: [["set-cookie", "a"], ["set-cookie", "b"]] });
  assertEquals(fieldsOf(cookies), ["set-cookie: a", "set-cookie: b"]);
  assertThrows(
    () => DroverResponse.fieldsOf(new Response(null, { headers: { a: "\x01" } })),
    TypeError,
    "of a has",
  );
});

Deno.test("a Response may be extended, and its static methods are the web's", async () => {
  class Page extends DroverResponse {
    constructor(title: string) {
      super(`<title>${title}</title>`, { headers: { "content-type": "text/html" } });
    }
  }
  const page = new Page("a");
  assert(page instanceof Response && page instanceof DroverResponse && page instanceof Page);
  assertEquals([DroverResponse.contentOf(page), page.status], ["<title>a</title>", 200]);
  assertEquals(await page.text(), "<title>a</title>");
  assertEquals(see(DroverResponse.redirect("http://a/", 303)), see(Response.redirect("http://a/", 303)));
  assertEquals(see(DroverResponse.error()), see(Response.error()));
  assertEquals(see(DroverResponse.json([1], { status: 201 })), see(Response.json([1], { status: 201 })));
});

const CONSTANT: Readonly<Record<string, Response>> = {
  "the web's text": new Response("again"),
  "the web's JSON": Response.json("again"),
  "Drover's text": new DroverResponse("again"),
};

for (const [name, response] of Object.entries(CONSTANT)) {
  const ignore = !STATIC_RESPONSE_HOLDS && name.startsWith("the web's");
  Deno.test(
    `a Response may be sent any number of times, and when it was not sent: ${name}`,
    { ignore },
    async () => {
      const handler: Handler = ({ url }, { client }) => {
        if (url.endsWith("/gone")) client.close();
        return response;
      };
      await withServer(handler, {}, async ({ connect }) => {
        const gone = connect();
        await gone.send("GET /gone HTTP/1.1\r\nHost: a\r\n\r\n");
        await gone.serverClosed();
        for (let round = 0; round < 3; round++) {
          const { status, text } = await connect().request("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
          assertEquals([status, text.replaceAll('"', "")], [200, "again"]);
        }
      });
    },
  );
}

Deno.test("a text of a class of one's own, which only its stream shows, is sent with its length", async () => {
  class Own extends Response {}
  await withTcpServer(() => new Own("text"), {}, async ({ origin }) => {
    const answer = await fetch(origin);
    assertEquals([await answer.text(), answer.headers.get("content-length")], ["text", "4"]);
  });
});
