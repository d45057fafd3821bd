/**
 * Whether what was seen of an HTTP/2 server is what a case expects.
 *
 * @module
 */

import type { Expected, Json, JsonObject } from "./http2_case.ts";
import type { Http2Session, SeenStream } from "./http2_session.ts";

const TYPES = ["DATA", "HEADERS", "PRIORITY", "RST_STREAM", "SETTINGS", "PUSH_PROMISE", "PING", "GOAWAY"];
const ACK = 1;
const ENABLE_CONNECT_PROTOCOL = 8;

/** "PROTOCOL_ERROR(1) and INTERNAL_ERROR(2) always pass" (RFC 9113 §5.4) */
const ALWAYS = [1, 2];

type Judge = (value: Json, session: Http2Session) => string | null;

function allows(codes: Json | undefined, code: number | null): boolean {
  return code !== null && (ALWAYS.includes(code) || (codes as readonly number[]).includes(code));
}

function isClosed({ connection }: Http2Session): boolean {
  return connection.ending !== null;
}

/** A GOAWAY with one of the codes and a close; "a close without GOAWAY is a weak pass". */
function failedWith(codes: Json | undefined, session: Http2Session): boolean {
  return isClosed(session) && (session.goAway === null || allows(codes, session.goAway));
}

function statusOf(stream: SeenStream): number {
  const final = stream.heads.find(([first]) => first?.[0] === ":status" && !first[1].startsWith("1"));
  return Number(final?.[0]?.[1] ?? 0);
}

function judgeResponse(value: Json, session: Http2Session): string | null {
  const { stream: id, status, body_len, info, info_if_200, header_present } = value as JsonObject;
  const stream = session.stream(Number(id));
  const got = statusOf(stream);
  if (!(status as readonly number[]).includes(got)) return `stream ${id} gets ${status}, not ${got}`;
  if (!stream.ended) return `stream ${id} ends`;
  if (body_len !== undefined && stream.body.length !== body_len) return `the body has ${body_len} bytes`;
  const [head = []] = stream.heads;
  for (const name of (header_present ?? []) as readonly string[]) {
    if (!head.some(([own]) => own === name)) return `the response has ${name}`;
  }
  const about = info ?? (got === 200 ? info_if_200 : undefined);
  return about === undefined ? null : judgeInfo(about as JsonObject, stream.body);
}

function judgeInfo(about: JsonObject, text: string): string | null {
  const seen = JSON.parse(text) as { headers: [string, string][] } & JsonObject;
  for (const [name, value] of Object.entries(about)) {
    if (name === "header") {
      for (const [field, wanted] of Object.entries(value as JsonObject)) {
        const own = seen.headers.filter(([key]) => key === field).map(([, given]) => given).join("|");
        if (own !== wanted) return `/info has ${field}: ${wanted}, not ${own}`;
      }
    } else if (name === "header_absent") {
      const found = seen.headers.find(([key]) => (value as readonly string[]).includes(key));
      if (found !== undefined) return `/info has no ${found[0]}`;
    } else if (seen[name] !== value) return `/info says ${name} ${value}, not ${seen[name]}`;
  }
  return null;
}

function judgeStreamError(value: Json, session: Http2Session): string | null {
  const { stream: id, codes, response_ok } = value as JsonObject;
  const stream = session.stream(Number(id));
  if (allows(codes, stream.reset) || failedWith(codes, session)) return null;
  const status = statusOf(stream);
  if ((response_ok as readonly number[] | undefined)?.includes(status)) return null;
  return `stream ${id} is reset with ${codes}, not ${stream.reset}; status ${status}`;
}

function judgeFrame(value: Json, session: Http2Session): boolean {
  const { type, ack, hex } = value as JsonObject;
  return session.frames.some((frame) =>
    TYPES[frame.type] === type && (ack === undefined || ((frame.flags & ACK) !== 0) === ack) &&
    (hex === undefined ||
      hex === [...frame.payload].map((byte) => byte.toString(16).padStart(2, "0")).join(""))
  );
}

function resets(session: Http2Session): readonly (number | null)[] {
  return [...session.streams.values()].map(({ reset }) => reset);
}

function fieldNames(session: Http2Session): readonly string[] {
  return [...session.streams.values()].flatMap(({ heads }) => heads.flat().map(([name]) => name));
}

function dataSizes(session: Http2Session): readonly number[] {
  return [...session.streams.values()].flatMap(({ dataSizes }) => dataSizes);
}

function fail(holds: boolean, what: string): string | null {
  return holds ? null : what;
}

/** What can be seen on the connection. What has to be asked of the server, or sent to it, is the runner's. */
const JUDGES: Readonly<Record<string, Judge>> = {
  conn_error: (codes, session) =>
    fail(failedWith(codes, session), `GOAWAY ${codes} and a close, not ${session.goAway}`),
  stream_error: judgeStreamError,
  stream_error_any: (codes, session) =>
    fail(resets(session).some((code) => allows(codes, code)), `some stream is reset with ${codes}`),
  refused_some: (codes, session) =>
    fail(resets(session).some((code) => allows(codes, code)), `some stream is refused with ${codes}`),
  response: judgeResponse,
  responses: (list, session) =>
    (list as readonly Json[]).map((one) => judgeResponse(one, session)).find((fault) => fault !== null) ??
      null,
  no_response: (ids, session) =>
    fail(
      (ids as readonly number[]).every((id) => statusOf(session.stream(id)) === 0),
      `streams ${ids} get no response`,
    ),
  rst: (value, session) => {
    const { stream, codes } = value as JsonObject;
    return fail(
      allows(codes, session.stream(Number(stream)).reset),
      `stream ${stream} is reset with ${codes}`,
    );
  },
  closed: (_, session) => fail(isClosed(session), "the connection closes"),
  open_conn: (_, session) => fail(!isClosed(session), "the connection stays open"),
  open_stream: (id, session) => {
    const { reset, ended } = session.stream(Number(id));
    return fail(!isClosed(session) && reset === null && !ended, `stream ${id} stays open`);
  },
  h1_status: (codes, session) => {
    const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(session.connection.received)?.[1] ?? 0);
    return fail((codes as readonly number[]).includes(status), `HTTP/1 answers ${codes}, not ${status}`);
  },
  frame_seen: (value, session) => fail(judgeFrame(value, session), `a frame ${JSON.stringify(value)} comes`),
  frame_not_seen: (value, session) =>
    // the acknowledgement of the prologue's SETTINGS is no PING
    fail(!judgeFrame(value, session), `no frame ${JSON.stringify(value)} comes`),
  data_bytes: (count, session) => {
    const sum = dataSizes(session).reduce((total, size) => total + size, 0);
    return fail(sum === count, `${count} bytes of data come, not ${sum}`);
  },
  max_data_frame: (most, session) =>
    fail(dataSizes(session).every((size) => size <= Number(most)), `no DATA is larger than ${most}`),
  first_data_frame_max: (most, session) =>
    fail((dataSizes(session)[0] ?? Infinity) <= Number(most), `the first DATA has ${most} bytes at most`),
  resp_headers_absent: (names, session) => {
    const found = fieldNames(session).filter((name) => (names as readonly string[]).includes(name));
    return fail(found.length === 0, `no response has ${found}`);
  },
  resp_header_names_lowercase: (_, session) =>
    fail(fieldNames(session).every((name) => name === name.toLowerCase()), "names are in lower case"),
  codes_if_goaway: (codes, session) =>
    fail(
      session.goAway === null || allows(codes, session.goAway),
      `GOAWAY has ${codes}, not ${session.goAway}`,
    ),
  only_if: (name, session) => {
    if (name !== "ENABLE_CONNECT_PROTOCOL") throw new TypeError(`only_if ${name} is not known`);
    return fail(session.settings.get(ENABLE_CONNECT_PROTOCOL) === 1, `the server offers ${name}`);
  },
};

/** What does not hold, in words, or `null`. */
export function judge(expected: Expected, session: Http2Session): string | null {
  session.parse();
  for (const [name, value] of Object.entries(expected)) {
    const fault = JUDGES[name]?.(value, session) ?? null;
    if (fault !== null) return fault;
  }
  return null;
}
