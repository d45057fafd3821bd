/**
 * Wire vectors as tables. Each vector runs whole, byte by byte, and with a further request behind it; so a vector says
 * what a server makes of the bytes, and the helper finds out whether that depends on how they arrive.
 *
 * @module
 */

import type { Handler } from "../../mod.ts";
import { assert, assertEquals, assertOneOf } from "./assert.ts";
import { fromLatin1 } from "./bytes.ts";
import { type FieldLine, hasConnectionOption, type RawResponse } from "./response_parser.ts";
import { type AcceptedClient, type ServerOptions, withServer } from "./server.ts";

/** What the handler saw of one request. */
export interface Seen {
  readonly method: string;
  readonly target: string;
  readonly url: string;
  readonly fields: readonly FieldLine[];
  /** The body, one character for each byte; `null` when it never became complete. */
  body: string | null;
  /** The trailers, once the body is complete. */
  trailers: readonly FieldLine[];
}

/** A handler that reads the body and remembers what it saw. */
export class Recorder {
  /** The requests that were dispatched, in order. */
  readonly seen: Seen[] = [];

  /** Answers 200 with the body's length once the body is complete. */
  readonly handler: Handler = async (request, exchange) => {
    const seen: Seen = {
      method: request.method,
      target: exchange.target,
      url: request.url,
      fields: exchange.rawHeaders,
      body: null,
      trailers: [],
    };
    this.seen.push(seen);
    const body = fromLatin1(new Uint8Array(await request.arrayBuffer()));
    seen.trailers = [...await exchange.trailers];
    seen.body = body;
    return new Response(`${body.length} bytes`);
  };
}

/** What a vector that is accepted leads to. */
export interface Acceptance {
  /** The status; 200 when left out. */
  readonly status?: number;
  readonly method?: string;
  readonly target?: string;
  readonly url?: string;
  /** The body the handler reads; empty when left out. */
  readonly body?: string;
  /** Fields the handler must find among the raw ones. */
  readonly fields?: readonly FieldLine[];
  readonly trailers?: readonly FieldLine[];
  /** Whether the connection ends with this response. */
  readonly closes?: boolean;
  /** The handler is not asked: the server answers by itself. */
  readonly unhandled?: boolean;
}

/** One sequence of bytes, and what may become of it: `accept`, `reject`, or either where both are given. */
export interface Vector {
  /** What the bytes are, to be read after "a server accepts" or "a server rejects". */
  readonly name: string;
  /** Where that is said, such as `RFC 9112 §6.3`. */
  readonly section: string;
  readonly bytes: string;
  readonly options?: ServerOptions;
  readonly accept?: Acceptance;
  /** The statuses allowed for the rejection, which always ends the connection. */
  readonly reject?: number | readonly number[];
}

const behind = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";

/** How the bytes of a vector arrive. */
const forms = [
  { name: "whole", step: undefined, tail: "" },
  { name: "byte by byte", step: 1, tail: "" },
  { name: "with a request behind it", step: undefined, tail: behind },
  { name: "byte by byte with a request behind it", step: 1, tail: behind },
] as const;

/** Makes one test of each vector, with a step for each form. */
export function testVectors(vectors: readonly Vector[]): void {
  for (const vector of vectors) {
    const verbs = [vector.accept && "accepts", vector.reject && "rejects"].filter(Boolean);
    assert(verbs.length > 0, `${vector.name} expects nothing`);
    Deno.test(`a server ${verbs.join(" or ")} ${vector.name} (${vector.section})`, async (test) => {
      for (const form of forms) {
        await test.step(form.name, () => runVector(vector, form));
      }
    });
  }
}

async function runVector(vector: Vector, { step, tail }: typeof forms[number]): Promise<void> {
  const recorder = new Recorder();
  await withServer(recorder.handler, vector.options ?? {}, async ({ connect }) => {
    const raw = connect(step === undefined ? {} : { step });
    raw.offer(vector.bytes + tail);
    const [, method = "", version] = /^(?:\r\n)*([^ ]*) .* (HTTP\/1\.[01])\r\n/.exec(vector.bytes) ?? [];
    const asked = version === "HTTP/1.0" ? { method, version } as const : { method };
    const response = await raw.readResponse(asked);
    const rejected = vector.accept === undefined || response.status !== (vector.accept.status ?? 200) ||
      (vector.reject !== undefined && hasConnectionOption(response, "close"));
    if (rejected) await checkRejection(vector, response, raw, recorder);
    else await checkAcceptance(vector.accept ?? {}, tail, raw, recorder);
  });
}

async function checkRejection(
  vector: Vector,
  response: RawResponse,
  raw: AcceptedClient,
  recorder: Recorder,
): Promise<void> {
  const allowed = [vector.reject ?? []].flat();
  if (vector.accept !== undefined) allowed.push(vector.accept.status ?? 200);
  assertOneOf(response.status, allowed, "status");
  await raw.expectClosedAfter(response);
  const whole = recorder.seen.filter((seen) => seen.body !== null);
  assertEquals(whole, [], "requests that the handler took for complete");
  const smuggled = recorder.seen.filter((seen) => seen.target === "/smuggled");
  assertEquals(smuggled, [], "requests found in the bytes behind");
}

async function checkAcceptance(
  accept: Acceptance,
  tail: string,
  raw: AcceptedClient,
  recorder: Recorder,
): Promise<void> {
  if (!accept.unhandled) checkSeen(accept, recorder.seen[0]);
  if (accept.closes) {
    await raw.expectEnd();
  } else if (tail === "") {
    await raw.expectOpen();
  } else {
    const second = await raw.readResponse();
    assertEquals(second.status, 200, "the status of the request behind");
    assertEquals(recorder.seen.at(-1)?.target, "/smuggled", "the target of the request behind");
    assertEquals(recorder.seen.at(-1)?.body, "", "the body of the request behind");
  }
  const before = accept.unhandled ? 0 : 1;
  assertEquals(recorder.seen.length, before + (accept.closes ? 0 : 1), "requests that were dispatched");
}

function checkSeen(accept: Acceptance, seen: Seen | undefined): void {
  assert(seen !== undefined, "the handler was not called");
  assertEquals(seen.body, accept.body ?? "", "the body");
  assertEquals(seen.trailers, accept.trailers ?? [], "the trailers");
  if (accept.method !== undefined) assertEquals(seen.method, accept.method, "the method");
  if (accept.target !== undefined) assertEquals(seen.target, accept.target, "the target");
  if (accept.url !== undefined) assertEquals(seen.url, accept.url, "the URL");
  for (const [name, value] of accept.fields ?? []) {
    const found = seen.fields.filter((line) => line[0] === name && line[1] === value).length;
    assertEquals(found, 1, `field lines "${name}: ${value}" among ${JSON.stringify(seen.fields)}`);
  }
}
