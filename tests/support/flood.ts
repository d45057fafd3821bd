/**
 * A peer that never lets a server rest, in a process of its own, so that it takes no time from whoever measures:
 * `deno run -A flood.ts KIND PORT CONNECTIONS` floods until it is killed.
 *
 * @module
 */

const ENCODER = new TextEncoder();
const SIZE = 256 * 1024;

/** What each kind of flood says first, and what it repeats then. */
const KINDS: Readonly<Record<string, readonly [begin: string, repeated: string]>> = {
  pipelined: ["", "GET / HTTP/1.1\r\nHost: a\r\n\r\n"],
  work: ["", "GET /work HTTP/1.1\r\nHost: a\r\n\r\n"],
  toil: ["", "GET /toil HTTP/1.1\r\nHost: a\r\n\r\n"],
  upload: ["POST /discard HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000000\r\n\r\n", "x"],
  endless: ["GET /endless HTTP/1.1\r\nHost: a\r\n\r\n", ""],
  drops: ["GET /drops HTTP/1.1\r\nHost: a\r\n\r\n", ""],
  echo: ["GET /echo HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n", "x"],
};

/** `text` as often as it fits into {@link SIZE} bytes. */
function repeat(text: string): Uint8Array {
  return ENCODER.encode(text.repeat(text === "" ? 0 : Math.floor(SIZE / text.length)));
}

async function drain(connection: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(SIZE);
  while (await connection.read(buffer) !== null);
}

async function flood(port: number, begin: string, repeated: string): Promise<void> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  await connection.write(ENCODER.encode(begin));
  const drained = drain(connection);
  const bytes = repeat(repeated);
  for (let at = 0; bytes.length > 0;) at = (at + await connection.write(bytes.subarray(at))) % bytes.length;
  await drained;
}

const [kind = "", port, count] = Deno.args;
const [begin, repeated] = KINDS[kind]!;
console.log("flooding");
await Promise.all(Array.from({ length: Number(count) }, () => flood(Number(port), begin, repeated)));
