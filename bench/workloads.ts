/** What the servers are measured with. */

/** The names of the workloads, in the order in which they are run. */
export const WORKLOAD_NAMES = [
  "text",
  "json",
  "echo",
  "pipe",
  "stream",
  "bytes",
  "pipelined",
  "h2-text",
  "h2-json",
  "h2-post",
  "h2-bytes",
] as const;

/** The name of a workload. */
export type WorkloadName = typeof WORKLOAD_NAMES[number];

/** What Drover's CPU time per request is compared with, and how many times as large it may be. */
export interface Aim {
  readonly than: "bare" | "deno" | "nginx";
  readonly atMost: number;
}

/** A request that is sent over and over, and what its response must be. */
export interface Workload {
  readonly name: WorkloadName;
  readonly title: string;
  readonly method: "GET" | "POST";
  readonly headers: Readonly<Record<string, string>>;
  /** The request's body. */
  readonly body: string | null;
  /** How many requests are sent before their responses are awaited: over HTTP/2, streams at once. */
  readonly depth: number;
  /** Whether it goes over HTTP/2, by prior knowledge. */
  readonly http2: boolean;
  /** The bytes of the response's body; `null`: whatever comes. */
  readonly answerLength: number | null;
  readonly aim: Aim;
}

const KIB = 1024;
const GET = { method: "GET", headers: {}, body: null, depth: 1, http2: false } as const;
const POST = {
  method: "POST",
  headers: { "content-type": "application/octet-stream" },
  body: "x".repeat(KIB),
  depth: 1,
  http2: false,
} as const;
const HTTP2 = { depth: 32, http2: true } as const;
const BELOW_DENO = { than: "deno", atMost: 1 } as const;
const HALF_OF_DENO = { than: "deno", atMost: 0.5 } as const;

/** The head of a browser's request is longer than that of a load generator. */
const BROWSER = {
  "user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
  accept: "application/json, text/plain, */*",
  "accept-language": "en-GB,en;q=0.5",
  "accept-encoding": "gzip, deflate, br, zstd",
} as const;

/** All workloads by name. */
export const WORKLOADS: Readonly<Record<WorkloadName, Workload>> = {
  text: {
    ...GET,
    name: "text",
    title: "constant text",
    answerLength: 13,
    aim: { than: "bare", atMost: 1.4 },
  },
  json: {
    ...GET,
    name: "json",
    title: "realistic JSON (the URL and two header fields are read)",
    headers: BROWSER,
    answerLength: null,
    aim: { than: "deno", atMost: 1.1 },
  },
  echo: { ...POST, name: "echo", title: "1 KiB POST echo", answerLength: KIB, aim: BELOW_DENO },
  pipe: {
    ...POST,
    name: "pipe",
    title: "1 KiB POST, its body stream handed on as the response's",
    answerLength: KIB,
    aim: BELOW_DENO,
  },
  stream: {
    ...GET,
    name: "stream",
    title: "a stream of 10 x 1 KiB",
    answerLength: 10 * KIB,
    aim: BELOW_DENO,
  },
  bytes: {
    ...GET,
    name: "bytes",
    title: "1 MiB of bytes",
    answerLength: KIB * KIB,
    aim: BELOW_DENO,
  },
  pipelined: {
    ...GET,
    name: "pipelined",
    title: "constant text, pipelined 16 deep",
    depth: 16,
    answerLength: 13,
    aim: BELOW_DENO,
  },
  "h2-text": {
    ...GET,
    ...HTTP2,
    name: "h2-text",
    title: "HTTP/2, 32 streams: constant text",
    answerLength: 13,
    aim: HALF_OF_DENO,
  },
  "h2-json": {
    ...GET,
    ...HTTP2,
    name: "h2-json",
    title: "HTTP/2, 32 streams: realistic JSON",
    headers: BROWSER,
    answerLength: null,
    aim: HALF_OF_DENO,
  },
  "h2-post": {
    ...POST,
    ...HTTP2,
    name: "h2-post",
    title: "HTTP/2, 32 streams: 1 KiB POST echo",
    answerLength: KIB,
    aim: HALF_OF_DENO,
  },
  "h2-bytes": {
    ...GET,
    ...HTTP2,
    name: "h2-bytes",
    title: "HTTP/2, 32 streams: 1 MiB of bytes",
    answerLength: KIB * KIB,
    aim: HALF_OF_DENO,
  },
};

/** Whether a text names a workload. */
export function isWorkloadName(text: string): text is WorkloadName {
  return WORKLOAD_NAMES.some((name) => name === text);
}

/** The request of a workload on the wire, `depth` times. */
export function encodeWorkload({ method, headers, body, depth }: Workload, host: string): string {
  const length = body === null ? [] : [["content-length", String(body.length)]];
  const fields = [["host", host], ...Object.entries(headers), ...length];
  const head = `${method} / HTTP/1.1\r\n${
    fields.map(([name, value]) => `${name}: ${value}\r\n`).join("")
  }\r\n`;
  return (head + (body ?? "")).repeat(depth);
}
