/**
 * `Response.json()` of Drover's beside the platform's: the same values and inits make the same response, or
 * fail alike.
 */

import { assertEquals } from "@std/assert";
import { Response as DroverResponse } from "../../mod.ts";

/** What no type allows, and JavaScript does. */
function mistaken<T>(value: unknown): T {
  return value as T;
}

class Init {
  get status(): number {
    return 404;
  }
  get headers(): HeadersInit {
    return { "x-a": "1" };
  }
  get statusText(): string {
    return "Gone fishing";
  }
}

class Failing {
  get headers(): HeadersInit {
    throw new RangeError("no headers today");
  }
}

const cyclic: Record<string, unknown> = {};
cyclic["self"] = cyclic;

const VALUES: Readonly<Record<string, unknown>> = {
  "an object": { a: "ä", b: [1, null, true] },
  "an array": [],
  "null": null,
  "a text": "text",
  "a number": 1.5,
  "a date": new Date(0),
  "an object with toJSON()": { toJSON: () => "its JSON" },
  "undefined": undefined,
  "a function": () => 1,
  "a symbol": Symbol("a"),
  "a bigint": 1n,
  "a cycle": cyclic,
  "an object whose toJSON() throws": {
    toJSON: () => {
      throw new RangeError("no JSON today");
    },
  },
};

const INITS: Readonly<Record<string, () => unknown>> = {
  "undefined": () => undefined,
  "null": () => null,
  "nothing": () => ({}),
  "a status": () => ({ status: 201 }),
  "a status and its text": () => ({ status: 404, statusText: "Not here" }),
  "fields": () => ({ headers: { "x-a": "1", "X-B": "2" } }),
  "fields and a status": () => ({ headers: { "x-a": "1" }, status: 201 }),
  "fields of pairs": () => ({
    headers: [["x-a", "1"], ["x-a", "2"], ["set-cookie", "a"], ["set-cookie", "b"]],
  }),
  "Headers": () => ({ headers: new Headers({ "x-a": "1" }) }),
  "a Map of fields": () => ({ headers: new Map([["x-a", "1"]]) }),
  "a type": () => ({ headers: { "content-type": "application/problem+json" } }),
  "a type in upper case": () => ({ headers: { "Content-Type": "text/x" } }),
  "Headers with a type": () => ({ headers: new Headers({ "content-type": "text/x" }) }),
  "no headers": () => ({ headers: undefined, status: undefined, statusText: undefined }),
  "headers of null": () => ({ headers: null }),
  "a status of null": () => ({ status: null }),
  "a status text of null": () => ({ statusText: null }),
  "a status that is a text": () => ({ status: "201" }),
  "half a status": () => ({ status: 201.5 }),
  "status 204": () => ({ status: 204 }),
  "status 99": () => ({ status: 99 }),
  "status 600": () => ({ status: 600 }),
  "a status text of two lines": () => ({ statusText: "a\nb" }),
  "a field name that is none": () => ({ headers: { "x a": "1" } }),
  "a field of two lines": () => ({ headers: { "x-a": "1\n2" } }),
  "a web Response": () => new Response("", { status: 404, headers: { "x-a": "1" } }),
  "a web Response without a type": () => new Response(null, { status: 404, statusText: "Not here" }),
  "one of Drover's": () => new DroverResponse(null, { status: 404, headers: { "x-a": "1" } }),
  "an object with getters": () => new Init(),
  "an object made of another": () => Object.create({ status: 201, headers: { "x-a": "1" } }),
  "an object without a prototype": () => Object.assign(Object.create(null), { status: 201 }),
  "a frozen object": () => Object.freeze({ status: 201 }),
  "a proxy": () => new Proxy({ status: 201, headers: { "x-a": "1" } }, {}),
  "an object with a getter that throws": () => new Failing(),
  "a function": () => Object.assign(() => 1, { status: 201 }),
  "an array": () => [201],
  "a text": () => "201",
  "a number": () => 201,
  "a boolean": () => true,
  "a symbol": () => Symbol("201"),
  "a bigint": () => 201n,
};

async function outcome(make: () => Response): Promise<unknown> {
  try {
    const response = make();
    const { status, statusText, ok, type } = response;
    return { status, statusText, ok, type, headers: [...response.headers], text: await response.text() };
  } catch (error) {
    return error instanceof Error ? error.name : error;
  }
}

for (const [name, init] of Object.entries(INITS)) {
  Deno.test(`Response.json() makes the same as the platform's of an init that is ${name} (Fetch §5.5)`, async () => {
    for (const [kind, value] of Object.entries(VALUES)) {
      const actual = await outcome(() => DroverResponse.json(value, mistaken(init())));
      const expected = await outcome(() => Response.json(value, mistaken(init())));
      assertEquals(actual, expected, kind);
    }
  });
}

Deno.test("Response.json() reads each member of its init once, as the platform's does", () => {
  const reads = [Response, DroverResponse].map((Made) => {
    const read: PropertyKey[] = [];
    const init = new Proxy({ status: 201, headers: new Headers() }, {
      get: (target, name) => {
        read.push(name);
        return Reflect.get(target, name);
      },
    });
    Made.json({}, init);
    return read;
  });
  assertEquals(reads[1], reads[0]);
});

Deno.test("Response.json() needs a value", async () => {
  for (const Made of [Response, DroverResponse]) {
    assertEquals(await outcome(() => mistaken<{ json(): Response }>(Made).json()), "TypeError");
  }
});
