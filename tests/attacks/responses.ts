/**
 * Responses in what was received, read as a client would that trusts the server's framing (RFC 9112 §6.3). Unlike the
 * strict reader of the other tests it never fails: what does not parse is left over, for the case to judge.
 *
 * @module
 */

/** One response. */
export interface SeenResponse {
  readonly status: number;
  /** Names in lower case, values as sent. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** The body without its framing, one character for each byte. */
  readonly body: string;
  /** How many bytes stand between the head and the next status line, or the end. */
  readonly wireLength: number;
  /** Whether all of the body arrived. */
  readonly complete: boolean;
}

/** Everything a connection got. */
export interface SeenResponses {
  /** The final ones, 101 among them, in order. */
  readonly final: readonly SeenResponse[];
  /** The statuses of the interim ones. */
  readonly interim: readonly number[];
  /** What follows the last response and is none. */
  readonly rest: string;
}

/** How what was received came about. */
export interface ReceivedContext {
  /** The methods of the requests in their order; `GET` where the list ends. */
  readonly methods: readonly string[];
  /** Whether the server has ended its side in good order, which completes a body without length. */
  readonly ended: boolean;
}

const statusLine = /^HTTP\/1\.[01] ([1-9][0-9]{2})(?: [^\r\n]*)?$/;

/** Reads all responses. */
export function readResponses(received: string, { methods, ended }: ReceivedContext): SeenResponses {
  const final: SeenResponse[] = [];
  const interim: number[] = [];
  let offset = 0;
  for (;;) {
    const head = readHead(received, offset);
    if (head === null) break;
    if (head.status < 200 && head.status !== 101) {
      interim.push(head.status);
      offset = head.end;
      continue;
    }
    const body = readBody(received, head, methods[final.length] ?? "GET", ended);
    const { status, fields } = head;
    final.push({
      status,
      fields,
      body: body.text,
      complete: body.complete,
      wireLength: wireLength(received, head.end),
    });
    offset = body.end;
    if (!body.complete) break;
  }
  return { final, interim, rest: received.slice(offset) };
}

/** The value of a field, its lines joined (RFC 9110 §5.3); `undefined` without one. */
export function fieldOf(response: SeenResponse, name: string): string | undefined {
  const values = response.fields.filter(([other]) => other === name).map(([, value]) => value);
  return values.length === 0 ? undefined : values.join(", ");
}

interface Head {
  readonly status: number;
  readonly fields: readonly (readonly [string, string])[];
  readonly end: number;
}

interface Body {
  readonly text: string;
  readonly end: number;
  readonly complete: boolean;
}

function readHead(received: string, start: number): Head | null {
  const end = received.indexOf("\r\n\r\n", start);
  if (end < 0) return null;
  const [line = "", ...lines] = received.slice(start, end).split("\r\n");
  const match = statusLine.exec(line);
  if (match === null) return null;
  const fields = lines.map((text) => {
    const colon = text.indexOf(":");
    const name = colon < 0 ? text : text.slice(0, colon);
    return [name.toLowerCase(), text.slice(name.length + 1).replace(/^[\t ]+|[\t ]+$/g, "")] as const;
  });
  return { status: Number(match[1]), fields, end: end + 4 };
}

function readBody(received: string, { status, fields, end }: Head, method: string, ended: boolean): Body {
  const value = (name: string) => fields.findLast(([other]) => other === name)?.[1];
  if (method === "HEAD" || [101, 204, 304].includes(status)) return { text: "", end, complete: true };
  if (method === "CONNECT" && status < 300) return { text: "", end, complete: true };
  if (value("transfer-encoding")?.toLowerCase() === "chunked") return readChunks(received, end);
  const length = value("content-length");
  if (length === undefined) {
    return { text: received.slice(end), end: received.length, complete: ended };
  }
  const stop = end + Number(length);
  return {
    text: received.slice(end, stop),
    end: Math.min(stop, received.length),
    complete: received.length >= stop,
  };
}

function readChunks(received: string, start: number): Body {
  let text = "";
  let offset = start;
  for (;;) {
    const lineEnd = received.indexOf("\r\n", offset);
    const size = lineEnd < 0 ? NaN : sizeOf(received.slice(offset, lineEnd));
    if (Number.isNaN(size)) return { text, end: received.length, complete: false };
    offset = lineEnd + 2;
    if (size === 0) break;
    text += received.slice(offset, offset + size);
    offset += size + 2;
  }
  while (!received.startsWith("\r\n", offset)) {
    const lineEnd = received.indexOf("\r\n", offset);
    if (lineEnd < 0) return { text, end: received.length, complete: false };
    offset = lineEnd + 2;
  }
  return { text, end: offset + 2, complete: true };
}

function sizeOf(line: string): number {
  const match = /^([0-9A-Fa-f]{1,12})[\t ]*(?:;.*)?$/.exec(line);
  return match === null ? NaN : parseInt(match[1] ?? "", 16);
}

function wireLength(received: string, start: number): number {
  const next = received.indexOf("HTTP/1.", start);
  return (next < 0 ? received.length : next) - start;
}
