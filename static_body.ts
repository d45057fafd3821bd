/**
 * The text or the bytes that a web `Response` was made of. Its public interface shows them only as a stream, and making and
 * reading that costs more than all the rest of a response.
 *
 * Deno keeps them, until somebody asks for the stream, in properties whose keys are symbols. That these hold what they are taken
 * for is tried out at load with responses of each kind; where it is not so, streams are read as anywhere.
 *
 * @module
 */

interface Inside {
  readonly [key: symbol]: unknown;
}

interface InnerResponse {
  readonly body?: { readonly streamOrStatic?: { readonly body?: unknown } } | null;
}

const TEXT: symbol = ownSymbol("lazy static body");
const INNER: symbol = ownSymbol("response");

function ownSymbol(description: string): symbol {
  const symbols = Object.getOwnPropertySymbols(new Response());
  return symbols.find((symbol) => symbol.description === description) ?? Symbol(description);
}

function look(response: Response): string | Uint8Array | undefined {
  const inside: unknown = response;
  const { [TEXT]: text, [INNER]: inner } = inside as Inside;
  if (typeof text === "string") return text;
  const body = (inner as InnerResponse | undefined)?.body?.streamOrStatic?.body;
  return typeof body === "string" || body instanceof Uint8Array ? body : undefined;
}

/** Whether the platform keeps what was looked for, where it is looked for: its inner workings may change. */
const HOLDS = holds();

function holds(): boolean {
  const headers = { a: "1", b: "2" };
  const changed = new Response("a");
  changed.headers.set("b", "2");
  const texts = [new Response("a"), new Response("a", { status: 404, headers }), changed, changed.clone()];
  const bytes = look(new Response(new Uint8Array([97, 98]), { headers }));
  const asked = [new Response("a"), new Response("a", { headers }), new Response(new Uint8Array(1))];
  const others = [
    ...asked.filter(({ body }) => body !== null),
    new Response(new ReadableStream()),
    new Response(),
  ];
  return texts.every((response) => look(response) === "a") && look(Response.json("a")) === '"a"' &&
    typeof bytes === "object" && bytes.join() === "97,98" &&
    others.every((response) => look(response) === undefined);
}

/** What a response was made of, where the platform tells and nobody has asked for its stream; it may have been read (`bodyUsed`). */
export function staticBody(response: Response): string | Uint8Array | undefined {
  return HOLDS ? look(response) : undefined;
}
