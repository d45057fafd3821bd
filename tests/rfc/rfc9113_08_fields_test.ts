/** RFC 9113 §8.1.1, §8.2 and §8.3: what a request's fields may be, and which requests are malformed. */

import { assertEquals } from "../support/assert.ts";
import {
  type Fields,
  hpackBlock,
  hpackLiteral,
  type Http2Client,
  type Http2ConnectOptions,
  requestFields,
  withHttp2,
} from "../support/http2_client.ts";
import type { FieldLine } from "../support/response_parser.ts";
import type { ServerOptions } from "../support/server.ts";
import { Recorder } from "../support/vectors.ts";
import { everyMethod } from "../support/server.ts";

interface Malformed {
  readonly name: string;
  readonly section: string;
  readonly fields: Fields;
  /** DATA behind the head; without it the head ends the stream. */
  readonly data?: readonly string[];
  /** Trailers behind it all. */
  readonly trailers?: Fields;
  /** The statuses that may answer it ahead of RST_STREAM; 400 when left out. */
  readonly statuses?: readonly number[];
  readonly options?: ServerOptions;
}

const valid = requestFields("GET", "/malformed");

/** The usual fields, one of them with another value, or left out for `null`. */
function but(name: string, value: string | null): Fields {
  const changed = valid.map((field): FieldLine => field[0] === name ? [name, value ?? ""] : field);
  return value === null ? valid.filter((field) => field[0] !== name) : changed;
}

function withField(name: string, value: string): Fields {
  return [...valid, [name, value]];
}

const methodOf = (method: string): Fields => requestFields(method, "/malformed");

/** What is wrong with the pseudo-header fields. */
const pseudo: readonly Malformed[] = [
  ...[":method", ":scheme", ":path"].map((name): Malformed => ({
    name: `no ${name}`,
    section: "§8.3.1",
    fields: but(name, null),
  })),
  ...[":method", ":scheme", ":path", ":authority"].map((name): Malformed => ({
    name: `an empty ${name}`,
    section: name === ":authority" ? "§8.3.1, RFC 9110 §4.2.1" : "§8.3.1",
    fields: but(name, ""),
    statuses: [400, 501],
  })),
  ...valid.map(([name, value]): Malformed => ({
    name: `${name} twice`,
    section: "§8.3",
    fields: [[name, value], ...valid],
  })),
  { name: ":path twice, with two values", section: "§8.3", fields: [...valid, [":path", "/other"]] },
  ...valid.map(([name, value]): Malformed => ({
    name: `${name} behind a field`,
    section: "§8.3",
    fields: [...valid.filter((field) => field[0] !== name), ["x-a", "1"], [name, value]],
  })),
  { name: ":status in a request", section: "§8.3", fields: [...valid, [":status", "200"]] },
  { name: "a pseudo-header field that is not known", section: "§8.3", fields: [[":unknown", "1"], ...valid] },
  { name: "the name :", section: "§8.3", fields: [...valid, [":", "1"]] },
  { name: ":METHOD in upper case", section: "§8.2.1", fields: [[":METHOD", "GET"], ...but(":method", null)] },
  { name: ":protocol without extended CONNECT", section: "§8.3", fields: [...valid, [":protocol", "x"]] },
  ...["G T", "GET\r", "G\0T", "GET ", " GET", "GÉT", "GET/", "G:T"].map((method): Malformed => ({
    name: `the method ${JSON.stringify(method)}`,
    section: "§8.3.1, RFC 9110 §9.1",
    fields: methodOf(method),
    statuses: [400, 501],
  })),
  ...["1http", "ht tp", "http:", "http://", "h\0tp", "http\r\n"].map((scheme): Malformed => ({
    name: `the scheme ${JSON.stringify(scheme)}`,
    section: "§8.3.1, RFC 3986 §3.1",
    fields: but(":scheme", scheme),
  })),
  ...["a", "a/b", "?q", "//x\0", "/a b", "/a\r\nx: y", "/\x7f", "/\xe9", "http://a/", "*", "/a#b", "/a\tb"]
    .map((
      path,
    ): Malformed => ({
      name: `the path ${JSON.stringify(path)}`,
      section: "§8.3.1",
      fields: but(":path", path),
    })),
  { name: "the path * of a POST", section: "§8.3.1", fields: requestFields("POST", "*") },
  ...["user@a", "user:secret@a", "a b", "a/b", "a?b", "a\r\n", "a\0", "a:b", "a:99999", "[::1", "a@"]
    .map((
      authority,
    ): Malformed => ({
      name: `the authority ${JSON.stringify(authority)}`,
      section: "§8.3.1",
      fields: but(":authority", authority),
    })),
];

/** Host beside :authority, and in its place. */
const hosts: readonly Malformed[] = [
  { name: "a host that differs from :authority", section: "§8.3.1", fields: withField("host", "b") },
  { name: "a host whose port differs", section: "§8.3.1", fields: withField("host", "a:81") },
  { name: "an empty host beside :authority", section: "§8.3.1", fields: withField("host", "") },
  {
    name: "two hosts that differ",
    section: "§8.3.1, RFC 9110 §7.2",
    fields: [...but(":authority", null), ["host", "a"], ["host", "b"]],
  },
  {
    name: "two hosts of which one is :authority",
    section: "§8.3.1, RFC 9110 §7.2",
    fields: [...valid, ["host", "a"], ["host", "b"]],
  },
  ...["a b", "user@a", "a/b", "a\0"].map((host): Malformed => ({
    name: `the host ${JSON.stringify(host)} without :authority`,
    section: "§8.3.1, RFC 9110 §7.2",
    fields: [...but(":authority", null), ["host", host]],
  })),
];

/** Octets that a name may not have: all but those of a token in lower case (RFC 9110 §5.1). */
const badNameOctets = ["\0", "\x01", "\t", "\n", "\r", " ", '"', "(", ")", ",", "/", ":", ";", "<", "=", ">"]
  .concat(["?", "@", "[", "\\", "]", "{", "}", "\x7f", "\x80", "\xff", "A", "Z"]);

const badValueOctets = ["\0", "\n", "\r", "\x01", "\x08", "\x0b", "\x0c", "\x1f", "\x7f"];

const badFields: readonly Malformed[] = [
  { name: "an empty name", section: "§8.2.1", fields: withField("", "1") },
  ...badNameOctets.flatMap((octet): readonly Malformed[] =>
    [`x${octet}a`, `${octet}xa`, `xa${octet}`].map((name) => ({
      name: `the name ${JSON.stringify(name)}`,
      section: "§8.2, §8.2.1",
      fields: withField(name, "1"),
    }))
  ),
  ...["Host", "Content-Length", "X-A"].map((name): Malformed => ({
    name: `the name ${name} in upper case`,
    section: "§8.2",
    fields: withField(name, "1"),
  })),
  ...badValueOctets.flatMap((octet): readonly Malformed[] =>
    [`a${octet}b`, `${octet}b`, `a${octet}`, octet].map((value) => ({
      name: `the value ${JSON.stringify(value)}`,
      section: "§8.2.1",
      fields: withField("x-a", value),
    }))
  ),
  ...[" a", "a ", "\ta", "a\t", " ", "\t"].map((value): Malformed => ({
    name: `the value ${JSON.stringify(value)}`,
    section: "§8.2.1",
    fields: withField("x-a", value),
  })),
  { name: "a cookie with CR and LF", section: "§8.2.1", fields: withField("cookie", "a=1\r\nx: y") },
  ...[
    ["connection", "close"],
    ["connection", "x-a"],
    ["connection", ""],
    ["proxy-connection", "keep-alive"],
    ["keep-alive", "timeout=5"],
    ["transfer-encoding", "chunked"],
    ["transfer-encoding", ""],
    ["upgrade", "websocket"],
  ].map(([name = "", value = ""]): Malformed => ({
    name: `${name}: ${value}`,
    section: "§8.2.2",
    fields: withField(name, value),
  })),
  ...["gzip", "trailers, gzip", "chunked", ""].map((value): Malformed => ({
    name: `te: ${value}`,
    section: "§8.2.2",
    fields: withField("te", value),
  })),
];

function post(length: string, data: readonly string[], rest: Partial<Malformed> = {}): Malformed {
  const fields: Fields = [...methodOf("POST"), ["content-length", length]];
  return {
    name: `content-length ${length} and DATA of ${data.map((piece) => piece.length).join(" and ")}`,
    section: "§8.1.1",
    fields,
    data,
    ...rest,
  };
}

/** Content that is not what its length says. */
const lengths: readonly Malformed[] = [
  post("5", ["hell"]),
  post("5", ["hello!"]),
  post("5", ["hel", "lo!"]),
  post("5", ["", ""]),
  post("0", ["a"]),
  post("5", ["hell"], {
    name: "content-length 5 and DATA of 4, with trailers behind it",
    trailers: [["x-t", "1"]],
  }),
  { name: "content-length 5 and no DATA", section: "§8.1.1", fields: withField("content-length", "5") },
  ...["", "-1", "+5", "5.0", "0x5", "5, 6", "five", "5 5", "18446744073709551621"].map((
    length,
  ): Malformed => ({
    ...post(length, ["hello"], { section: "§8.1.1, RFC 9110 §8.6" }),
    name: `the content-length ${JSON.stringify(length)}`,
    statuses: [400, 413],
  })),
  {
    name: "two content-lengths that differ",
    section: "§8.1.1, RFC 9110 §8.6",
    fields: [...methodOf("POST"), ["content-length", "5"], ["content-length", "6"]],
    data: ["hello"],
  },
];

/** Trailer sections that are malformed. */
const trailers: readonly Malformed[] = ([
  ["a pseudo-header field", "§8.1, §8.3", [[":path", "/"]]],
  [":status", "§8.1, §8.3", [[":status", "200"]]],
  ["a pseudo-header field behind a field", "§8.1, §8.3", [["x-t", "1"], [":method", "GET"]]],
  ["a name in upper case", "§8.2.1", [["X-T", "1"]]],
  ["a name with a space", "§8.2.1", [["x t", "1"]]],
  ["a value with LF", "§8.2.1", [["x-t", "1\n2"]]],
  ["a value with NUL", "§8.2.1", [["x-t", "\0"]]],
  ["a value with a space in front", "§8.2.1", [["x-t", " 1"]]],
  ["a connection-specific field", "§8.2.2", [["connection", "x-t"]]],
  ["transfer-encoding", "§8.2.2", [["transfer-encoding", "chunked"]]],
  ["content-length", "§8.1, RFC 9110 §6.5.1", [["content-length", "5"]]],
  ["host", "§8.1, RFC 9110 §6.5.1", [["host", "a"]]],
  ["authorization", "§8.1, RFC 9110 §6.5.1", [["authorization", "Basic Zm9vOmJhcg=="]]],
] as const).map(([name, section, fields]): Malformed => ({
  name: `trailers with ${name}`,
  section,
  fields: methodOf("POST"),
  data: ["hello"],
  trailers: fields,
}));

/** CONNECT, where it is let in at all. */
const connects: readonly Malformed[] = ([
  ["CONNECT with :path", [[":method", "CONNECT"], [":authority", "a:80"], [":path", "/"]]],
  ["CONNECT with :scheme", [[":method", "CONNECT"], [":authority", "a:80"], [":scheme", "http"]]],
  ["CONNECT with :scheme and :path", requestFields("CONNECT", "/")],
  ["CONNECT without :authority", [[":method", "CONNECT"]]],
  ["CONNECT with an empty :authority", [[":method", "CONNECT"], [":authority", ""]]],
  ["CONNECT without a port", [[":method", "CONNECT"], [":authority", "a"]]],
  ["CONNECT with another host", [[":method", "CONNECT"], [":authority", "a:80"], ["host", "b:80"]]],
] as readonly (readonly [string, Fields])[]).map(([name, fields]): Malformed => ({
  name,
  section: "§8.5",
  fields,
  data: [],
  options: { allowedMethods: everyMethod },
}));

function sendAll(client: Http2Client, { fields, data, trailers }: Malformed): number {
  const id = client.takeId();
  client.headers(id, fields, { endStream: data === undefined });
  const last = (data?.length ?? 0) - 1;
  for (const [index, piece] of data?.entries() ?? []) {
    client.data(id, piece, index === last && trailers === undefined);
  }
  if (trailers !== undefined) client.headers(id, trailers);
  return id;
}

/** How the bytes of a request arrive. */
const forms = [["whole", {}], ["byte by byte", { step: 1 }]] as const;

async function runVector(vector: Malformed, connecting: Http2ConnectOptions): Promise<void> {
  const recorder = new Recorder();
  await withHttp2(recorder.handler, vector.options ?? {}, async ({ connect }) => {
    const client = connect(connecting);
    await client.expectMalformed(sendAll(client, vector), ...vector.statuses ?? []);
    assertEquals(recorder.seen.filter(({ body }) => body !== null), [], "requests taken for complete");
    assertEquals((await client.response(client.request({ path: "/behind" }))).status, 200);
  });
}

for (const vector of [...pseudo, ...hosts, ...badFields, ...lengths, ...trailers, ...connects]) {
  Deno.test(`a request is malformed with ${vector.name} (RFC 9113 ${vector.section})`, async (test) => {
    for (const [name, connecting] of forms) await test.step(name, () => runVector(vector, connecting));
  });
}

Deno.test("a malformed head is never dispatched (RFC 9113 §8.1.1)", async () => {
  const recorder = new Recorder();
  await withHttp2(recorder.handler, {}, async ({ connect }) => {
    const client = connect();
    for (const vector of [...pseudo, ...hosts].slice(0, 40)) {
      await client.expectMalformed(sendAll(client, vector), ...vector.statuses ?? []);
    }
    assertEquals(recorder.seen, []);
  });
});

Deno.test("a second HEADERS that does not end the stream makes the request malformed (RFC 9113 §8.1)", async () => {
  const recorder = new Recorder();
  await withHttp2(recorder.handler, {}, async ({ connect }) => {
    const client = connect();
    const id = client.request({ method: "POST", endStream: false });
    client.data(id, "hello");
    client.headers(id, [["x-t", "1"]], { endStream: false });
    client.data(id, "", true);
    await client.expectMalformed(id);
    assertEquals(recorder.seen.filter(({ body }) => body !== null), []);
  });
});

Deno.test("fields from the table are checked like others (RFC 9113 §8.2.1)", async () => {
  const recorder = new Recorder();
  await withHttp2(recorder.handler, {}, async ({ connect }) => {
    const client = connect();
    const start = hpackBlock(valid);
    client.headers(1, Uint8Array.from([...start, ...hpackLiteral(["X-Bad", "1"], 0x40)]));
    await client.expectMalformed(1);
    client.headers(3, Uint8Array.from([...start, 0x80 | 62]));
    await client.expectMalformed(3);
    assertEquals(recorder.seen, []);
  });
});

// What is allowed

interface Allowed {
  readonly name: string;
  readonly section: string;
  readonly fields: Fields;
  readonly target?: string;
  readonly url?: string;
  /** Fields that the handler must find. */
  readonly found?: Fields;
}

const accepted: readonly Allowed[] = [
  {
    name: "the pseudo-header fields in any order",
    section: "§8.3",
    fields: [[":path", "/a"], [":authority", "a"], [":scheme", "http"], [":method", "GET"]],
    target: "/a",
    url: "http://a/a",
  },
  {
    name: "a path with a query",
    section: "§8.3.1",
    fields: requestFields("GET", "/a/b?c=d&e=%20/?"),
    target: "/a/b?c=d&e=%20/?",
    url: "http://a/a/b?c=d&e=%20/?",
  },
  {
    name: "a path that begins with two slashes",
    section: "§8.3.1",
    fields: requestFields("GET", "//b/c"),
    target: "//b/c",
    url: "http://a//b/c",
  },
  {
    name: "an authority with a port",
    section: "§8.3.1",
    fields: but(":authority", "example.com:8080"),
    url: "http://example.com:8080/malformed",
  },
  {
    name: "an authority that is an IPv6 address",
    section: "§8.3.1",
    fields: but(":authority", "[::1]:8080"),
    url: "http://[::1]:8080/malformed",
  },
  {
    name: "a host that is the same as :authority",
    section: "§8.3.1",
    fields: withField("host", "a"),
    url: "http://a/malformed",
  },
  {
    name: "a host that differs from :authority in case only",
    section: "§8.3.1",
    fields: withField("host", "A"),
    url: "http://a/malformed",
  },
  {
    name: "a host in the place of :authority",
    section: "§8.3.1",
    fields: [...but(":authority", null), ["host", "b:81"]],
    url: "http://b:81/malformed",
  },
  {
    name: "a path with what RFC 3986 has no place for",
    section: "§8.3.1",
    fields: but(":path", '/"[^`{|}]%zz?\\'),
    url: "http://a/%22[^%60%7B|%7D]%zz?\\",
  },
  {
    name: "te: trailers",
    section: "§8.2.2",
    fields: withField("te", "trailers"),
    found: [["te", "trailers"]],
  },
  {
    name: "an empty value",
    section: "§8.2.1",
    fields: withField("x-a", ""),
    found: [["x-a", ""]],
  },
  {
    name: "a value with obs-text, spaces and tabs inside",
    section: "§8.2.1",
    fields: withField("x-a", "a \t\xe9\xff b"),
    found: [["x-a", "a \t\xe9\xff b"]],
  },
  {
    name: "a name of every character of a token",
    section: "§8.2.1",
    fields: withField("!#$%&'*+-.^_`|~0az", "1"),
    found: [["!#$%&'*+-.^_`|~0az", "1"]],
  },
  {
    name: "fields of the same name, in their order",
    section: "§8.2",
    fields: [...valid, ["x-a", "1"], ["x-b", "2"], ["x-a", "3"]],
    found: [["x-a", "1"], ["x-b", "2"], ["x-a", "3"]],
  },
  {
    name: "names of an object's members",
    section: "§8.2.1",
    fields: [...valid, ["__proto__", "1"], ["constructor", "2"]],
    found: [["__proto__", "1"], ["constructor", "2"]],
  },
  {
    name: "content-length 0 without DATA",
    section: "§8.1.1",
    fields: withField("content-length", "0"),
  },
];

for (const { name, section, fields, target, url, found } of accepted) {
  Deno.test(`a request may have ${name} (RFC 9113 ${section})`, async () => {
    const recorder = new Recorder();
    await withHttp2(recorder.handler, {}, async ({ connect }) => {
      const client = connect();
      client.headers(1, fields);
      assertEquals((await client.response(1)).status, 200);
      const [seen] = recorder.seen;
      if (target !== undefined) assertEquals(seen?.target, target);
      if (url !== undefined) assertEquals(seen?.url, url);
      const names = found?.map((field) => field[0]);
      const pairs = seen?.fields.map((pair): FieldLine => [pair[0], pair[1]]);
      if (names !== undefined) {
        assertEquals(pairs?.filter((pair) => names.includes(pair[0])), [...found ?? []]);
      }
    });
  });
}

for (const [scheme, url] of [["http", "http://a/"], ["https", "https://a/"]] as const) {
  Deno.test(`the scheme of a request is ${scheme} where it says so (RFC 9113 §8.3.1)`, async () => {
    const recorder = new Recorder();
    await withHttp2(recorder.handler, {}, async ({ connect }) => {
      const client = connect({ alpn: "h2" });
      const fields = requestFields().map((field): FieldLine =>
        field[0] === ":scheme" ? [":scheme", scheme] : field
      );
      client.headers(1, fields);
      await client.response(1);
      assertEquals(recorder.seen.map((seen) => seen.url.replace(/^https?/, scheme)), [url]);
    });
  });
}

Deno.test("pseudo-header fields are no fields (RFC 9113 §8.3)", async () => {
  const recorder = new Recorder();
  await withHttp2(recorder.handler, {}, async ({ connect }) => {
    const client = connect();
    await client.response(client.request({ fields: [["x-a", "1"]] }));
    const names = recorder.seen[0]?.fields.map((field) => field[0]) ?? [];
    assertEquals(names.filter((name) => name.startsWith(":")), []);
    assertEquals(names.includes("x-a"), true);
  });
});

/** Cookies in crumbs, and as the handler is to see them. */
const cookies: readonly (readonly [crumbs: readonly string[], whole: string])[] = [
  [["a=b; c=d; e=f"], "a=b; c=d; e=f"],
  [["a=b", "c=d", "e=f"], "a=b; c=d; e=f"],
  [["a=b; c=d", "e=f"], "a=b; c=d; e=f"],
];

for (const [crumbs, whole] of cookies) {
  Deno.test(`${crumbs.length} cookie fields are one, joined by "; " (RFC 9113 §8.2.3)`, async () => {
    const seen: (string | null)[] = [];
    await withHttp2(
      (request) => {
        seen.push(request.headers.get("cookie"));
        return new Response();
      },
      {},
      async ({ connect }) => {
        const client = connect();
        const fields = crumbs.flatMap((crumb): Fields => [["cookie", crumb], ["x-a", "1"]]);
        await client.response(client.request({ fields }));
        assertEquals(seen, [whole]);
      },
    );
  });
}

// RFC 9113 §10.5.1: limits of a head

Deno.test("a head of more fields than headerCountLimit is answered 431, crumbs counted (RFC 9113 §10.5.1)", async () => {
  const recorder = new Recorder();
  await withHttp2(recorder.handler, { headerCountLimit: 20 }, async ({ connect }) => {
    const client = connect();
    const many = (count: number): Fields => Array.from({ length: count }, () => ["cookie", "a=1"]);
    assertEquals((await client.response(client.request({ fields: many(16) }))).status, 200);
    assertEquals((await client.over(client.request({ fields: many(21) }))).status, 431);
    assertEquals((await client.response(client.request())).status, 200);
    assertEquals(recorder.seen.length, 2);
  });
});

/** The size of a list (RFC 9113 §6.5.2). */
function sizeOf(fields: Fields): number {
  return fields.reduce((sum, [name, value]) => sum + name.length + value.length + 32, 0);
}

/** A request whose list is `size` bytes large by one long value, or by many short fields. */
function sized(size: number, by: "value" | "fields"): Fields {
  const fields: FieldLine[] = [...requestFields()];
  while (by === "fields" && sizeOf(fields) + 80 < size) fields.push(["x", ""]);
  return [...fields, ["x-pad", "p".repeat(size - sizeOf(fields) - 32 - 5)]];
}

for (const by of ["value", "fields"] as const) {
  Deno.test(`a head as large as headerSizeLimit, by its ${by}, is taken, and one byte more is answered 431 (RFC 9113 §6.5.2, §10.5.1)`, async () => {
    const recorder = new Recorder();
    const options = { headerSizeLimit: 1_000, headerCountLimit: 1_000 };
    await withHttp2(recorder.handler, options, async ({ connect }) => {
      const client = connect();
      client.headers(1, sized(1_000, by));
      assertEquals((await client.response(1)).status, 200);
      client.headers(3, sized(1_001, by));
      assertEquals((await client.over(3)).status, 431);
      client.headers(5, requestFields());
      assertEquals((await client.response(5)).status, 200);
      assertEquals(recorder.seen.length, 2);
    });
  });
}

Deno.test("a head that is somewhat larger than headerSizeLimit is answered 431, and other streams go on (RFC 9113 §10.5.1)", async () => {
  await withHttp2(new Recorder().handler, { headerSizeLimit: 1_000 }, async ({ connect }) => {
    const client = connect();
    client.headers(1, sized(1_500, "value"));
    assertEquals((await client.over(1)).status, 431);
    assertEquals((await client.response(client.request({ id: 3 }))).status, 200);
  });
});

Deno.test("entries of the table by reference count at their full size (RFC 9113 §10.5.1)", async () => {
  const recorder = new Recorder();
  const options = { headerSizeLimit: 20_000, headerCountLimit: 1_000 };
  await withHttp2(recorder.handler, options, async ({ connect }) => {
    const client = connect();
    const large = hpackLiteral(["x-large", "v".repeat(3_000)], 0x40);
    const block = [...hpackBlock(requestFields()), ...large, ...new Array(900).fill(0x80 | 62)];
    client.headers(1, Uint8Array.from(block));
    assertEquals((await client.over(1)).status, 431);
    assertEquals(recorder.seen, []);
    await client.expectAlive();
  });
});

Deno.test("a target longer than targetSizeLimit is answered 414 (RFC 9110 §15.5.15)", async () => {
  const recorder = new Recorder();
  await withHttp2(recorder.handler, { targetSizeLimit: 50 }, async ({ connect }) => {
    const client = connect();
    const path = (size: number) => `/${"t".repeat(size - 1)}`;
    assertEquals((await client.response(client.request({ path: path(50) }))).status, 200);
    assertEquals((await client.over(client.request({ path: path(51) }))).status, 414);
    assertEquals(recorder.seen.length, 1);
    await client.expectAlive();
  });
});

Deno.test("trailers above trailerSizeLimit make the request fail (RFC 9113 §10.5.1)", async () => {
  const recorder = new Recorder();
  await withHttp2(recorder.handler, { trailerSizeLimit: 200 }, async ({ connect }) => {
    const client = connect();
    const send = (size: number) => {
      const id = client.request({ method: "POST", endStream: false });
      client.data(id, "hello");
      client.headers(id, [["x-t", "v".repeat(size - 32 - 3)]]);
      return id;
    };
    assertEquals((await client.response(send(200))).status, 200);
    await client.expectMalformed(send(400), 400, 431);
    assertEquals(recorder.seen.filter(({ body }) => body !== null).length, 1);
  });
});
