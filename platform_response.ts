/**
 * What a web `Response` was made of. Its public interface shows a text or bytes only as a stream, and fields
 * only as `Headers`; making and reading these costs more than all the rest of a response.
 *
 * Deno keeps them, until somebody asks for the stream or for the `Headers`, in properties whose keys are
 * symbols. At load, responses of every kind are used to check that these properties mean what we assume; if
 * any check fails, the public interface is used instead.
 *
 * @module
 */

import { types } from "node:util";
import { isFieldValue } from "./headers.ts";
import { holds } from "./messages/platform.ts";

interface Inside {
  readonly [key: symbol]: unknown;
}

interface InnerResponse {
  readonly body?: { readonly streamOrStatic?: { readonly body?: unknown } } | null;
  readonly headerList?: unknown;
}

const TEXT: symbol = ownSymbol("lazy static body");
const TYPE: symbol = ownSymbol("lazy static content type");
const HEADERS: symbol = ownSymbol("headers");
const INNER: symbol = ownSymbol("response");

function ownSymbol(description: string): symbol {
  const symbols = Object.getOwnPropertySymbols(new Response());
  return symbols.find((symbol) => symbol.description === description) ?? Symbol(description);
}

function inside(response: Response): Inside {
  const inside: unknown = response;
  return inside as Inside;
}

function lookForBody(response: Response): string | Uint8Array | undefined {
  const { [TEXT]: text, [INNER]: inner } = inside(response);
  if (typeof text === "string") return text;
  const body = (inner as InnerResponse | undefined)?.body?.streamOrStatic?.body;
  return typeof body === "string" || body instanceof Uint8Array ? body : undefined;
}

/** The fields that the platform gives a response that is made of a text alone. */
export const TEXT_FIELDS: readonly string[] = ["content-type", "text/plain;charset=UTF-8"];
/** The fields that the platform gives a response that is made of JSON alone. */
export const JSON_FIELDS: readonly string[] = ["content-type", "application/json"];

function lookForFields(response: Response): readonly string[] | undefined {
  const { [TEXT]: text, [TYPE]: type, [HEADERS]: headers, [INNER]: inner } = inside(response);
  const list = (inner as InnerResponse | undefined)?.headerList;
  if (headers !== null || !Array.isArray(list)) return undefined;
  if (type === null && typeof text !== "string") return toFields(list);
  if (list.length > 0) return undefined;
  if (type === null || type === TEXT_FIELDS[1]) return TEXT_FIELDS; // a type that is only implied is in no list yet
  return type === JSON_FIELDS[1] ? JSON_FIELDS : undefined;
}

/**
 * The fields of pairs; `undefined` where the public interface would combine some, or one is not fit for a
 * message.
 */
function toFields(list: readonly unknown[]): string[] | undefined {
  const fields: string[] = [];
  for (const pair of list) {
    const [name, value]: unknown[] = Array.isArray(pair) ? pair : [];
    if (typeof name !== "string" || typeof value !== "string" || !isFieldValue(value)) return undefined;
    const lower = name.toLowerCase();
    if (fields.includes(lower)) return undefined;
    fields.push(lower, value);
  }
  return fields;
}

/** Whether the checks have passed. Where they have not, the public interface is used, which is slower. */
export const STATIC_RESPONSE_HOLDS: boolean = holds(() => bodiesHold() && fieldsHold());

function bodiesHold(): boolean {
  const headers = { a: "1", b: "2" };
  const changed = new Response("a");
  changed.headers.set("b", "2");
  const texts = [new Response("a"), new Response("a", { status: 404, headers }), changed, changed.clone()];
  const bytes = lookForBody(new Response(new Uint8Array([97, 98]), { headers }));
  const asked = [new Response("a"), new Response("a", { headers }), new Response(new Uint8Array(1))];
  const others = [
    ...asked.filter(({ body }) => body !== null),
    new Response(new ReadableStream()),
    new Response(),
  ];
  return texts.every((response) => lookForBody(response) === "a") &&
    lookForBody(Response.json("a")) === '"a"' && typeof bytes === "object" && bytes.join() === "97,98" &&
    others.every((response) => lookForBody(response) === undefined);
}

function fieldsHold(): boolean {
  const headers = { "X-A": " 1 ", b: "é" };
  const kinds: readonly (() => Response)[] = [
    () => new Response("a"),
    () => new Response("a", {}),
    () => new Response("a", { headers }),
    () => new Response("a", { status: 404, headers: { "content-type": "text/x" } }),
    () => new Response(new Uint8Array(1), { headers }),
    () => new Response(null, { headers }),
    () => new Response(new ReadableStream(), { headers }),
    () => new Response(),
    () => Response.json("a"),
    () => Response.json("a", { headers }),
    () => Response.redirect("http://localhost/"),
  ];
  const changed = new Response("a");
  changed.headers.set("b", "2");
  return lookForFields(changed) === undefined && kinds.every((make) => {
    const found = lookForFields(make()) ?? [];
    const seen = [...make().headers];
    return found.length === 2 * seen.length &&
      seen.every(([name, value]) => found[found.indexOf(name) + 1] === value);
  });
}

/** The platform's class as it was when it was tried out. */
const PLAIN: object = Response.prototype;

/**
 * Whether this is exactly the platform's `Response`: no subclass, no proxy, and without own `headers` or
 * `body`.
 */
function isPlain(response: Response): boolean {
  return STATIC_RESPONSE_HOLDS && Object.getPrototypeOf(response) === PLAIN && !types.isProxy(response) &&
    !Object.hasOwn(response, "headers") && !Object.hasOwn(response, "body");
}

/**
 * The text or the bytes of a response that was made of a stream, where the platform knows what the stream was
 * made of: that of `request.body`, of a request that has come whole, for one. The response must be new.
 */
export function bodyOfStream(response: Response): string | Uint8Array | undefined {
  return STATIC_RESPONSE_HOLDS ? lookForBody(response) : undefined;
}

/**
 * The text or the bytes of a response, where the platform tells and nobody has asked for its stream; it may
 * have been read.
 */
export function staticBody(response: Response): string | Uint8Array | undefined {
  return isPlain(response) ? lookForBody(response) : undefined;
}

/**
 * The fields of a response, names in lower case each followed by its value, where the platform tells and
 * nobody has asked for them.
 */
export function staticFields(response: Response): readonly string[] | undefined {
  return isPlain(response) ? lookForFields(response) : undefined;
}
