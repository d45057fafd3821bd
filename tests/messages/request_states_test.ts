/**
 * A handler's request is compared with the platform's `Request` of the same message: every member, in every
 * state that a request may be brought into.
 */

import { assertEquals } from "@std/assert";
import { within } from "../support/deadline.ts";
import { withServer } from "../support/server.ts";

const URL_TEXT = "http://a/path?x=1";
const OTHER_URL = "http://b/other";
const BODY = '{"a":"ä"}';
const ENCODER = new TextEncoder();

/** A message, as it is received and as the platform is given it. */
interface Message {
  readonly method: string;
  /**
   * The parts of the body, of which only the first has come when the handler is called; `null` for no body.
   */
  readonly parts: readonly string[] | null;
  readonly type?: string;
}

const FORM = "application/x-www-form-urlencoded";

const MESSAGES: Readonly<Record<string, Message>> = {
  "without a body": { method: "GET", parts: null },
  "whose body has come": { method: "POST", parts: [BODY] },
  "whose body has not come whole": { method: "PUT", parts: [BODY.slice(0, 5), BODY.slice(5)] },
  "whose body has not begun to come": { method: "PATCH", parts: ["", BODY] },
  "with a form": { method: "POST", parts: ["a=1&b=%C3%A4"], type: FORM },
  "with a byte order mark": { method: "POST", parts: [`\ufeff${BODY}`] },
};

function fieldsOf({ type = "application/json", parts }: Message): [string, string][] {
  const fields: [string, string][] = [["content-type", type], ["host", "a"], ["x-a", "1"]];
  if (parts !== null) fields.push(["content-length", String(ENCODER.encode(parts.join("")).length)]);
  return fields;
}

/** A request, and how the rest of its body is sent. */
interface Received {
  readonly request: Request;
  readonly arrive: () => void;
}

/** The platform's request of a message. */
function platformRequest(message: Message): Received {
  const { method, parts } = message;
  const rest = Promise.withResolvers<void>();
  const pending = parts?.filter((part) => part !== "") ?? [];
  const stream = new ReadableStream<Uint8Array<ArrayBuffer>>({
    type: "bytes",
    pull: async (controller) => {
      if (pending.length === 1) await rest.promise;
      const part = pending.shift();
      if (part !== undefined) return controller.enqueue(ENCODER.encode(part));
      controller.close();
      if ("byobRequest" in controller) controller.byobRequest?.respond(0);
    },
  }, { highWaterMark: 0 });
  const body = parts?.length === 1 ? ENCODER.encode(parts[0]) : stream;
  const init = { method, headers: fieldsOf(message), redirect: "manual" as const };
  const request = new Request(
    URL_TEXT,
    parts === null ? init : Object.assign(init, { body, duplex: "half" }),
  );
  return { request, arrive: rest.resolve };
}

/** Looks at a handler's request of a message, on a connection of its own. */
type Look = (look: (received: Received) => Promise<unknown>) => Promise<unknown>;

/** Runs a test with a server that is sent a message as often as the test looks at one. */
async function withHandlerRequests(message: Message, test: (look: Look) => Promise<void>): Promise<void> {
  const { method, parts } = message;
  const [first = "", rest = ""] = parts ?? [];
  const lines = fieldsOf(message).map(([name, value]) => `${name}: ${value}\r\n`).join("");
  let answer: (request: Request) => Promise<unknown>;
  const handler = (request: Request) => answer(request).then(() => new Response());
  await withServer(handler, {}, async ({ connect }) => {
    await test((look) => {
      const { promise, resolve, reject } = Promise.withResolvers<unknown>();
      const raw = connect();
      const arrive = () => raw.offer(ENCODER.encode(rest));
      answer = (request) => look({ request, arrive }).then(resolve, reject);
      raw.offer(ENCODER.encode(`${method} /path?x=1 HTTP/1.1\r\n${lines}\r\n${first}`));
      return within("the handler", promise);
    });
  });
}

/** Brings a request into a state, and gives the object whose members are then looked at. */
type State = (received: Received) => Request | Promise<Request>;

/** Does something to the request itself. */
function after(act: (request: Request, arrive: () => void) => unknown): State {
  return async ({ request, arrive }) => {
    await act(request, arrive);
    return request;
  };
}

/** Reads in one way, while the rest of the body arrives. */
function reading(read: (request: Request) => unknown): State {
  return after(async (request, arrive) => {
    const done = Promise.resolve(read(request)).catch(() => "the read has failed"); // as the table of members shows
    arrive();
    await done;
  });
}

const STATES: Readonly<Record<string, State>> = {
  untouched: ({ request }) => request,
  "headers read": after(({ headers }) => [...headers]),
  "headers changed": after(({ headers }) => headers.set("x-a", "2")),
  "headers changed, after it was copied": after((request) => {
    if (request.body === null) new Request(request);
    request.headers.append("x-b", "2");
  }),
  "inspected": after((request) => Deno.inspect(request)),
  "cache looked at": after((request) => request.cache),
  "signal got": after((request) => request.signal),
  "body got": after((request) => request.body),
  "body locked": after((request) => request.body?.getReader()),
  "body locked and released": after((request) => request.body?.getReader().releaseLock()),
  ...Object.fromEntries(
    (["text", "json", "bytes", "arrayBuffer", "blob", "formData"] as const).flatMap((name) => [
      [`read by ${name}()`, reading((request) => request[name]())],
      [`read by ${name}() once the body was got`, reading((request) => request.body && request[name]())],
    ]),
  ),
  "read by textStream()": reading((request) => Array.fromAsync(request.textStream())),
  "read as a stream": reading(({ body }) => body && Array.fromAsync(body)),
  "read through Object.create()": reading((request) => Object.create(request).text()),
  "read through a proxy": reading((request) => new Proxy(request, {}).text()),
  "being read": after((request) => void request.text().catch(() => "as below")),
  "read by a copy": reading((request) => new Request(request).text()),
  "read by a copy with another URL": reading((request) => new Request(OTHER_URL, request).text()),
  "read by a copy once the body was got": reading((request) => request.body && new Request(request).text()),
  "its body replaced in a copy": after((request) =>
    new Request(request, { method: "POST", body: "other" }).text()
  ),
  "its body replaced in a copy, then read": reading((request) => {
    void new Request(request, { method: "POST", body: "other" });
    return request.text();
  }),
  "partly read": reading((request) => request.body?.getReader().read()),
  "partly read, and released": reading(async (request) => {
    const reader = request.body?.getReader();
    await reader?.read();
    reader?.releaseLock();
  }),
  "read begun": after((request) => void request.body?.getReader().read().catch(() => "not read to its end")),
  cancelled: after((request) => request.body?.cancel()),
  "cancelled by its reader": after((request) => request.body?.getReader().cancel()),
  "cancelled, and released": after(async (request) => {
    const reader = request.body?.getReader();
    await reader?.cancel();
    reader?.releaseLock();
  }),
  cloned: after((request) => void request.clone()),
  "cloned, once the body was got": after((request) => void (request.body, request.clone())),
  "cloned, and the clone read": reading((request) => request.clone().text()),
  "cloned, and read": reading((request) => {
    request.clone();
    return request.text();
  }),
  "cloned, and both read": reading((request) => Promise.all([request.clone().text(), request.text()])),
  "a clone": ({ request }) => request.clone(),
  "a clone of a clone": ({ request }) => request.clone().clone(),
  "a clone whose original was read": async ({ request, arrive }) => {
    const clone = request.clone();
    arrive();
    await request.text();
    return clone;
  },
  "a clone with other headers": ({ request }) => {
    request.headers.set("x-a", "2");
    const clone = request.clone();
    request.headers.set("x-a", "3");
    return clone;
  },
  teed: after((request) => void request.body?.tee()),
  "the body of a response": after(({ body }) => void new Response(body)),
  "piped away": reading((request) => request.body?.pipeTo(new WritableStream())),
  "an object made of it": ({ request }) => Object.create(request),
  "a proxy of it": ({ request }) => new Proxy(request, {}),
  "a proxy of it, which was read": async ({ request, arrive }) => {
    const proxy = new Proxy(request, {});
    arrive();
    await proxy.text();
    return proxy;
  },
};

/** Looks at a member of a request. */
type Member = (request: Request) => unknown;

const BYOB = "body, by a BYOB reader";

const READS = ["text", "json", "bytes", "arrayBuffer", "blob", "formData"] as const;

const NAMES = [
  ...Object.getOwnPropertyNames(Request.prototype),
  ...["destination", "duplex", "isHistoryNavigation", "isReloadNavigation", "priority"],
  ...["message", "real", "fields", "target", "client", "toReal"],
];

const MEMBERS: Readonly<Record<string, Member>> = {
  ...Object.fromEntries(
    NAMES.filter((name) => !/^(constructor|body|headers|signal)$/.test(name)).map((name) => [
      name,
      (request: Request) => {
        const value: unknown = Reflect.get(request, name);
        return typeof value === "function" ? "a function" : value;
      },
    ]),
  ),
  ...Object.fromEntries(
    READS.flatMap((name) => [
      [`${name}()`, async (request: Request) => describe(await request[name]())],
      [`${name}() of a clone`, async (request: Request) => describe(await request.clone()[name]())],
      [`${name}() of a copy`, async (request: Request) => describe(await new Request(request)[name]())],
    ]),
  ),
  headers: ({ headers }) => [headers === headers, [...headers], headers.get("X-A"), headers.has("x-b")],
  "headers, inspected": ({ headers }) => Deno.inspect(headers),
  "headers, their constructor": ({ headers }) => headers.constructor === Headers,
  signal: (request) => [request.signal instanceof AbortSignal, request.signal === request.signal],
  "signal.aborted": ({ signal }) => signal.aborted,
  body: ({ body }) => body === null ? null : [body instanceof ReadableStream, body.locked],
  "body, twice": (request) => request.body === request.body,
  "body, read": ({ body }) => body === null ? null : new Response(body).text(),
  [BYOB]: async ({ body }) => {
    const view = new Uint8Array(4);
    return body === null ? null : (await body.getReader({ mode: "byob" }).read(view)).value?.length;
  },
  "body, cancelled": (request) => {
    request.body?.cancel().catch(() => "locked, as a reader of it says");
    return [request.bodyUsed, request.body?.locked];
  },
  "body, of which a read has begun": (request) => {
    request.body?.getReader().read().catch(() => "not read to its end");
    return [request.bodyUsed, request.body?.locked];
  },
  "textStream(), read": (request) => Array.fromAsync(request.textStream()).then((texts) => texts.join("")),
  "text(), then bodyUsed": (request) => [request.text().catch(() => "read"), request.bodyUsed].at(1),
  "text(), then body": (request) => [request.text().catch(() => "read"), request.body?.locked].at(1),
  "text(), twice": async (request) => [await request.text(), await request.text()],
  "text(), then a clone": async (request) => [await request.text(), request.clone()].length,
  "text(), then a copy": async (request) => [await request.text(), new Request(request)].length,
  "text(), then a copy with another URL": async (request) =>
    [await request.text(), new Request(OTHER_URL, request)].length,
  "a copy, then text()": (request) => [new Request(request), request].length && request.text(),
  "a copy, then bodyUsed": (request) => [new Request(request), request.bodyUsed].at(1),
  "a copy": (request) => {
    const { url, method, redirect, headers, signal } = new Request(request);
    return [url, method, redirect, [...headers], signal.aborted];
  },
  "a copy with another URL": async (request) => {
    const copy = new Request(OTHER_URL, request);
    return [copy.url, copy.method, copy.redirect, [...copy.headers], await copy.text()];
  },
  "a copy with other fields": async (request) => {
    const copy = new Request(request, { headers: { "x-c": "3" } });
    return [[...copy.headers], await copy.text()];
  },
  "a copy with another body": async (request) => {
    const copy = new Request(request, { method: "POST", body: "other" });
    return [await copy.text(), request.bodyUsed];
  },
  "a clone": (request) => {
    const { url, method, redirect, headers, bodyUsed, signal } = request.clone();
    return [url, method, redirect, [...headers], bodyUsed, signal.aborted];
  },
  "a clone, and both bodies": async (request) => {
    const clone = request.clone();
    return [await Promise.all([request.text(), clone.text()]), request.bodyUsed, clone.bodyUsed];
  },
  "a clone, whose headers are its own": (request) => {
    request.clone().headers.set("x-a", "9");
    return request.headers.get("x-a");
  },
  "headers changed, then a copy": (request) => {
    request.headers.set("x-a", "9");
    request.headers.delete("host");
    return [...new Request(request).headers];
  },
  "headers changed after a copy": (request) => {
    new Request(request, { method: "POST", body: "other" });
    request.headers.set("x-a", "9");
    return [[...request.headers], [...new Request(request, { method: "POST", body: "" }).headers]];
  },
  "its constructor": ({ constructor }) => [constructor === Request, constructor.name],
  instanceof: (request) => request instanceof Request,
  "toString()": (request) => [String(request), Object.prototype.toString.call(request)],
  "Object.keys()": (request) => Object.keys(request),
  "Object.getOwnPropertyNames()": (request) => Object.getOwnPropertyNames(request),
  "for in": (request) => {
    const names: string[] = [];
    for (const name in request) names.push(name);
    return names.sort();
  },
  in: (request) => NAMES.filter((name) => name in request),
  "an assignment": (request) => NAMES.filter((name) => Reflect.set(request, name, "x")),
  "JSON.stringify()": (request) => [JSON.stringify(request), JSON.stringify({ request })],
  "Deno.inspect()": (request) => Deno.inspect(request),
  "Deno.inspect() in depth": (request) => Deno.inspect({ request: [request] }),
  "structuredClone()": (request) => structuredClone(request),
  "its parts spread": (request) => Object.keys({ ...request }),
  "the platform's getter": (request) => {
    const get = (name: string) =>
      Object.getOwnPropertyDescriptor(Request.prototype, name)?.get?.call(request);
    return [get("url"), get("method"), get("cache")];
  },
};

/** Something that can be compared, of what a member gives. */
function describe(value: unknown): unknown {
  if (value instanceof ArrayBuffer) return ["ArrayBuffer", new TextDecoder().decode(value)];
  if (value instanceof Blob) return ["Blob", value.type, value.size];
  if (value instanceof FormData) return ["FormData", ...value];
  return value;
}

/** What looking at a member gives: its value, or how it fails. */
async function outcome(state: State, member: Member, received: Received): Promise<unknown> {
  let request: Request;
  try {
    request = await state(received);
  } catch (error) {
    return ["there is no such state", String(error)];
  }
  try {
    const seen = member(request);
    received.arrive();
    return ["gives", await seen];
  } catch (error) {
    received.arrive();
    return ["throws", error instanceof Error ? `${error.name}: ${error.message}` : error];
  }
}

// The platform's stream of a body that has been passed on whole is unlocked again, and seems to be empty.
// Ours stays locked.
const LOCKED_FOR_GOOD = "read by a copy once the body was got";
const OF_ITS_STREAM = /^body(?:, (?!twice)|$)|, then body$/;

for (const [name, message] of Object.entries(MESSAGES)) {
  for (const [condition, state] of Object.entries(STATES)) {
    Deno.test(`a request ${name} is as the platform's: ${condition}`, async () => {
      const actual: Record<string, unknown> = {};
      const expected: Record<string, unknown> = {};
      await withHandlerRequests(message, async (look) => {
        for (const [what, member] of Object.entries(MEMBERS)) {
          if (condition === LOCKED_FOR_GOOD && OF_ITS_STREAM.test(what)) continue;
          // the platform's stream of a body that was given as bytes has no BYOB reader
          if (what === BYOB && message.parts?.length === 1) continue;
          expected[what] = await within(what, outcome(state, member, platformRequest(message)));
          actual[what] = await look((received) => outcome(state, member, received));
        }
      });
      assertEquals(actual, expected);
    });
  }
}
