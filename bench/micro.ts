/**
 * What single building blocks cost: `deno bench -A bench/micro.ts`. The figures say why the driver does what it does; whether
 * it is fast says `main.ts`.
 */
import type { Client } from "../connection.ts";
import type { FieldLines } from "../headers.ts";
import { type Protocol, RequestMessage } from "../message.ts";
import { Response as DroverResponse } from "../response.ts";
import { ServerRequest } from "../request.ts";

const URL_TEXT = "http://127.0.0.1:8000/path?query=1";
const FIELDS: readonly (readonly [name: string, value: string])[] = [
  ["host", "127.0.0.1:8000"],
  ["user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"],
  ["accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"],
  ["accept-language", "en-GB,en;q=0.5"],
  ["accept-encoding", "gzip, deflate, br, zstd"],
  ["cookie", "session=0123456789abcdef"],
];
const TEXT = "Hello, World!";
const KIB = new Uint8Array(1024).fill(0x78);
const MIB = new Uint8Array(1024 * 1024).fill(0x78);
const JSON_HEADERS = { "content-type": "application/json" };
const encoder = new TextEncoder();
const target = new Uint8Array(256);

/** A message that came from nowhere. */
class BenchMessage extends RequestMessage {
  readonly protocol: Protocol = "HTTP/1.1";
  readonly method = "GET";
  readonly target = "/path?query=1";
  override readonly extendedProtocol = null;
  readonly url = URL_TEXT;
  readonly fields: FieldLines = {
    get: (name) => FIELDS.find(([known]) => known === name)?.[1] ?? null,
    toPairs: () => [...FIELDS],
  };
  readonly body = null;
  get client(): Client {
    throw new TypeError("There is no client here");
  }
  readonly received = true;
  inform(): void {}
  push(): boolean {
    return false;
  }
  override checkUpgrade(): void {}
}

const message = new BenchMessage();

/** Keeps a result alive, so that making it is not optimised away. */
let sink: unknown;

function measure(group: string, name: string, run: () => unknown): void {
  Deno.bench({ group, name, fn: () => void (sink = run()) });
}

function measureAsync(group: string, name: string, run: () => Promise<unknown>): void {
  Deno.bench({ group, name, fn: async () => void (sink = await run()) });
}

const making = "1. making a request";
measure(
  making,
  "new Request(url, { headers })",
  () => new Request(URL_TEXT, { headers: FIELDS.map(pair) }),
);
measure(making, "new Request(url)", () => new Request(URL_TEXT));
measure(making, "new ServerRequest(message)", () => new ServerRequest(message));
measure(making, "new Headers(6 pairs)", () => new Headers(FIELDS.map(pair)));

const reading = "2. reading a request";
measure(reading, "ServerRequest: url", () => ServerRequest.toWeb(new ServerRequest(message)).url);
measure(
  reading,
  "ServerRequest: two headers.get",
  () => twoFields(ServerRequest.toWeb(new ServerRequest(message))),
);
measure(
  reading,
  "ServerRequest: [...headers]",
  () => [...ServerRequest.toWeb(new ServerRequest(message)).headers],
);
measure(
  reading,
  "ServerRequest: signal",
  () => ServerRequest.toWeb(new ServerRequest(new BenchMessage())).signal,
);
measure(
  reading,
  "ServerRequest: new Request(it)",
  () => new Request(ServerRequest.toWeb(new ServerRequest(message))),
);
measure(reading, "new URL(url)", () => new URL(URL_TEXT));

const constructing = "3. making a response";
measure(constructing, "new Response(text)", () => new Response(TEXT));
measure(constructing, "Drover's new Response(text)", () => new DroverResponse(TEXT));
measure(
  constructing,
  "new Response(text, { headers })",
  () => new Response(TEXT, { headers: JSON_HEADERS }),
);
measure(
  constructing,
  "Drover's new Response(text, { headers })",
  () => new DroverResponse(TEXT, { headers: JSON_HEADERS }),
);
measure(constructing, "new Response(1 MiB)", () => new Response(MIB));
measure(constructing, "Drover's new Response(1 MiB)", () => new DroverResponse(MIB));
measure(constructing, "new Response(stream)", () => new Response(oneChunk()));
measure(constructing, "Drover's new Response(stream)", () => new DroverResponse(oneChunk()));

const web = "4. a web Response by its public interface (making it included)";
measure(web, "status", () => new Response(TEXT).status);
measure(web, "statusText", () => new Response(TEXT).statusText);
measure(web, "headers.forEach", () => webFields(new Response(TEXT)));
measure(web, "[...headers]", () => [...new Response(TEXT).headers]);
measure(web, "headers.get", () => new Response(TEXT).headers.get("content-type"));
measure(web, "bodyUsed", () => new Response(TEXT).bodyUsed);
measure(web, "body", () => new Response(TEXT).body);
measureAsync(web, "text()", () => new Response(TEXT).text());
measureAsync(web, "bytes() of a text", () => new Response(TEXT).bytes());
measureAsync(web, "bytes() of 1 KiB", () => new Response(KIB).bytes());
measureAsync(web, "bytes() of 1 MiB", () => new Response(MIB).bytes());
measureAsync(web, "arrayBuffer() of a text", () => new Response(TEXT).arrayBuffer());
measureAsync(web, "body read to its end", () => readAll(new Response(TEXT)));

const own = "5. Drover's Response by what it knows (making it included)";
measure(own, "fieldsOf", () => DroverResponse.fieldsOf(new DroverResponse(TEXT)));
measure(own, "contentOf", () => DroverResponse.contentOf(new DroverResponse(TEXT)));
measure(own, "fieldsOf of a web Response", () => DroverResponse.fieldsOf(new Response(TEXT)));
measure(own, "contentOf of a web Response", () => DroverResponse.contentOf(new Response(TEXT)));

const streams = "6. streams";
measure(streams, "new ReadableStream", oneChunk);
measure(streams, "new ReadableStream of bytes", () => new ReadableStream({ type: "bytes" }));
measureAsync(streams, "one chunk and the end", () => readAll(new Response(oneChunk())));

const texts = "7. text to bytes";
measure(texts, "encode", () => encoder.encode(TEXT));
measure(texts, "encodeInto", () => encoder.encodeInto(TEXT, target));
measure(texts, "charCodeAt", () => copyLatin1(TEXT, target));

function pair([name, value]: readonly [string, string]): [string, string] {
  return [name, value];
}

function twoFields({ headers }: Request): (string | null)[] {
  return [headers.get("user-agent"), headers.get("accept")];
}

function webFields({ headers }: Response): string[] {
  const fields: string[] = [];
  headers.forEach((value, name) => fields.push(name, value));
  return fields;
}

function oneChunk(): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({
    pull(controller) {
      controller.enqueue(KIB);
      controller.close();
    },
  });
}

async function readAll({ body }: Response): Promise<number> {
  let length = 0;
  const reader = body?.getReader();
  for (let read = await reader?.read(); read?.value; read = await reader?.read()) {
    length += read.value.length;
  }
  return length;
}

function copyLatin1(text: string, bytes: Uint8Array): number {
  for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at);
  return text.length;
}

globalThis.addEventListener(
  "unload",
  () => sink === undefined && console.log("nothing was measured"),
);
