/**
 * Stores a small part of each of many large requests, and prints how many megabytes of the heap that takes, by the kind of the
 * part. Run with `--v8-flags=--expose-gc`.
 *
 * @module
 */

import { type Handler, HttpServer } from "../../mod.ts";
import { connectionPair } from "../../testing.ts";
import { latin1 } from "./bytes.ts";
import { Http2Client } from "./http2_client.ts";
import { RawClient } from "./raw_client.ts";

const REQUESTS = 200;
const FILL = 30_000;
const FRAME_FILL = 15_000; // what one HEADERS frame has room for

/** A part of a request that a handler may store, of about 20 characters. */
type Take = (...args: Parameters<Handler>) => unknown;

const kinds: Readonly<Record<string, Take>> = {
  "a field of headers": ({ headers }) => headers.get("x-value"),
  "a field of a copy of headers": ({ headers }) => new Headers(headers).get("x-value"),
  "a combined field": ({ headers }) => headers.get("x-twice"),
  "a value of rawHeaders": (_, { rawHeaders }) => rawHeaders.find(([name]) => name === "x-value")?.[1],
  "a name of rawHeaders": (_, { rawHeaders }) => rawHeaders.find(([name]) => name.startsWith("x-name"))?.[0],
  "host": ({ headers }) => headers.get("host"),
  "the method": ({ method }) => method,
  "the target": (_, { target }) => target,
  "the URL": ({ url }) => url,
};

/** Parts of a body, or behind it. */
const bodyKinds: Readonly<Record<string, Take>> = {
  "a trailer": async (request, { trailers }) => {
    await request.bytes();
    return (await trailers).get("x-value");
  },
  "a field of a form in parts": async (request) => (await request.formData()).get("value"),
  "a field of a form": async (request) => (await request.formData()).get("value"),
  "a member of JSON": async (request) => (await request.json()).value,
  "a part of the text's bytes": async (request) =>
    new TextDecoder().decode((await request.bytes()).slice(0, 20)),
};

const stored: unknown[] = [];

function fieldLines(index: number): readonly (readonly [string, string])[] {
  const value = `value-${index}`.padEnd(20, "v");
  return [
    ["x-value", value],
    ["x-twice", value],
    ["x-twice", value],
    [`x-name-${index}`.padEnd(20, "n"), "1"],
  ];
}

function headOf(line: string, host: string, index: number, ...more: readonly string[]): string {
  const lines = fieldLines(index).map(([name, value]) => `${name}: ${value}`);
  return [line, `Host: ${host}`, ...lines, `x-fill: ${fillOf(index)}`, ...more, "", ""].join("\r\n");
}

function fillOf(index: number): string {
  return String(index).repeat(FILL).slice(0, FILL);
}

function heapSize(): number {
  const collect: unknown = Reflect.get(globalThis, "gc");
  if (typeof collect !== "function") throw new TypeError("Run it with --v8-flags=--expose-gc");
  collect();
  return Deno.memoryUsage().heapUsed;
}

/** Sends all requests to a server with that handler, and gives what the heap has grown by, in megabytes. */
async function measure(take: Take, send: (server: HttpServer) => Promise<void>): Promise<number> {
  stored.length = 0;
  const server = new HttpServer(async (request, exchange) => {
    stored.push(await take(request, exchange));
    return new Response();
  }, { allowedMethods: null, trailerSizeLimit: 2 * FILL, headerSizeLimit: 2 * FILL });
  await send(server);
  const before = heapSize();
  stored.length = REQUESTS;
  const kept = stored.filter((part) => String(part).length >= 10).length;
  if (kept !== REQUESTS) throw new TypeError(`Only ${kept} parts were found`);
  stored.length = 0;
  await server.stop(1000);
  return (before - heapSize()) / 1e6;
}

async function sendHttp1(server: HttpServer, bytesOf: (index: number) => string): Promise<void> {
  const { client, server: end } = connectionPair();
  server.accept(end);
  const raw = new RawClient(client);
  for (let index = 0; index < REQUESTS; index++) {
    raw.offer(bytesOf(index));
    const { status } = await raw.readResponse();
    if (status !== 200) throw new TypeError(`Request ${index} got ${status}`);
  }
  await raw.close();
}

async function sendHttp2(server: HttpServer): Promise<void> {
  const { client, server: end } = connectionPair();
  const h2 = new Http2Client(client, server.accept(end), {});
  for (let index = 0; index < REQUESTS; index++) {
    const id = h2.takeId();
    h2.headers(id, [
      [":method", "VERSION-CONTROL"],
      [":scheme", "http"],
      [":authority", hostOf(index)],
      [":path", pathOf(index)],
      ...fieldLines(index),
      ["x-fill", fillOf(index).slice(0, FRAME_FILL)],
    ]);
    const { status } = await h2.response(id);
    if (status !== 200) throw new TypeError(`Request ${index} got ${status}`);
  }
  await h2.close();
}

const hostOf = (index: number) => `host-${index}.a-domain.example`;
const pathOf = (index: number) => `/a/path/of/20/${index}`;

function bodyOf(kind: string, index: number): readonly [type: string, body: string, trailers: string] {
  const value = `value-${index}`.padEnd(20, "v");
  const fill = fillOf(index);
  if (kind === "a trailer") return ["text/plain", "x", `x-value: ${value}\r\nx-fill: ${fill}\r\n`];
  if (kind === "a field of a form in parts") {
    const parts = [["value", value], ["fill", fill]].map(([name, content]) =>
      `--part\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${content}\r\n`
    );
    return ["multipart/form-data; boundary=part", `${parts.join("")}--part--\r\n`, ""];
  }
  if (kind === "a member of JSON") return ["application/json", JSON.stringify({ value, fill }), ""];
  return ["application/x-www-form-urlencoded", `value=${value}&fill=${fill}`, ""];
}

const results: Record<string, number> = {};
for (const [kind, take] of Object.entries(kinds)) {
  results[`${kind} over HTTP/1`] = await measure(
    take,
    (server) =>
      sendHttp1(server, (index) => headOf(`VERSION-CONTROL ${pathOf(index)} HTTP/1.1`, hostOf(index), index)),
  );
  results[`${kind} over HTTP/2`] = await measure(take, sendHttp2);
}
results["the method of a long line"] = await measure(
  ({ method }) => method,
  (server) =>
    sendHttp1(server, (index) => headOf(`VERSION-CONTROL /${"a".repeat(8000)} HTTP/1.1`, "a", index)),
);
results["the host of an absolute-form target"] = await measure(
  ({ headers }) => headers.get("host"),
  (server) =>
    sendHttp1(server, (index) => {
      const target = `http://${hostOf(index)}/${"a".repeat(8000)}`;
      return headOf(`GET ${target} HTTP/1.1`, "a", index);
    }),
);
for (const [kind, take] of Object.entries(bodyKinds)) {
  results[kind] = await measure(take, (server) =>
    sendHttp1(server, (index) => {
      const [type, body, trailers] = bodyOf(kind, index);
      const head =
        `POST / HTTP/1.1\r\nHost: a\r\nContent-Type: ${type}\r\nTransfer-Encoding: chunked\r\n\r\n`;
      return `${head}${latin1(body).length.toString(16)}\r\n${body}\r\n0\r\n${trailers}\r\n`;
    }));
}
console.log(JSON.stringify(results));
