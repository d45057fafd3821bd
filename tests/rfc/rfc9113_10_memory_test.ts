/**
 * RFC 9113 §10.5: the memory of a server whose clients ask over connections with closed windows, and take nothing. Each bound is
 * printed with what it is made of; it is the one of `drivers/README.md`.
 */

import { assert, assertEquals } from "../support/assert.ts";
import { concat, latin1 } from "../support/bytes.ts";
import { pass, within } from "../support/deadline.ts";
import {
  Flag,
  frameBytes,
  FrameType,
  hpackBlock,
  preface,
  requestFields,
  Settings,
  settingsPayload,
  uint,
} from "../support/http2_client.ts";
import { withProgram } from "../support/program.ts";

const MIB = 1_048_576;

/** The default of `unsentLimit`. */
const UNSENT_LIMIT = MIB;

/** What is fixed: code, buffers for reading and writing, and what the garbage collector has not got to. */
const SLACK = 96 * MIB;

const CONNECTIONS = 20;
const STREAMS = 100;

/** A hundred requests for a path, each with a window of so many bytes, in one write. */
function askAll(path: string, window: number): Uint8Array {
  const settings = settingsPayload([[Settings.INITIAL_WINDOW_SIZE, window]]);
  const flags = Flag.END_HEADERS | Flag.END_STREAM;
  const block = hpackBlock(requestFields("GET", path));
  return concat([
    latin1(preface),
    frameBytes({ type: FrameType.SETTINGS, payload: settings }),
    frameBytes({ type: FrameType.SETTINGS, flags: Flag.ACK }),
    frameBytes({ type: FrameType.WINDOW_UPDATE, payload: uint(2 ** 30) }),
    ...Array.from(
      { length: STREAMS },
      (_, index) => frameBytes({ type: FrameType.HEADERS, flags, streamId: 2 * index + 1, payload: block }),
    ),
  ]);
}

async function drain(connection: Deno.Conn): Promise<void> {
  try {
    for await (const _ of connection.readable);
  } catch (error) {
    if (!(error instanceof Deno.errors.Interrupted || error instanceof Deno.errors.BadResource)) throw error;
  }
}

/** Connections that ask for a path. */
interface Crowd {
  readonly path: string;
  readonly count: number;
  /** The window of each stream, in bytes. */
  readonly window: number;
}

/** How much the memory of a server grows by these connections, in bytes. */
async function growth(port: number, { path, count: connectionCount, window }: Crowd): Promise<number> {
  const rss = async () => Number(await (await fetch(`http://127.0.0.1:${port}/rss`)).text());
  const before = await rss();
  const connections: Deno.Conn[] = [];
  const reading: Promise<void>[] = [];
  const request = askAll(path, window);
  let most = before;
  try {
    for (let count = 0; count < connectionCount; count++) {
      const connection = await Deno.connect({ hostname: "127.0.0.1", port });
      connections.push(connection);
      const writer = connection.writable.getWriter();
      await writer.write(request);
      writer.releaseLock();
      reading.push(drain(connection));
    }
    for (let round = 0; round < 15; round++) {
      await pass(100);
      most = Math.max(most, await rss());
    }
  } finally {
    for (const connection of connections) connection.close();
    await within("the end of the connections", Promise.all(reading));
  }
  return most - before;
}

/** What is asked for, and how many of its bodies a connection may hold beyond `unsentLimit`. */
const cases: readonly (readonly [what: string, path: string, limit: number, body: number, bodies: number])[] =
  [
    ["bodies of 1 MiB made at once", "/now", UNSENT_LIMIT, MIB, 1],
    ["bodies of 1 MiB made a turn later", "/soon", UNSENT_LIMIT, MIB, 8],
    ["streams with chunks of 64 KiB", "/stream?size=65536", 131_072, 65_536, 2],
    ["streams with chunks of 1 MiB", "/stream?size=1048576", 131_072, MIB, 2],
  ];

for (const [what, path, limit, body, bodies] of cases) {
  Deno.test(`${CONNECTIONS} connections that take nothing of ${STREAMS} ${what} each hold what they may, and no more (RFC 9113 §10.5)`, async () => {
    const bound = SLACK + CONNECTIONS * (limit + bodies * body);
    await withProgram("tests/support/unsent_server.ts", [], async (line) => {
      const bytes = await growth(Number(line), { path, count: CONNECTIONS, window: 0 });
      const mib = (count: number) => `${(count / MIB).toFixed(1)} MiB`;
      console.log(
        `${what}: ${mib(bytes)}, of at most ${mib(SLACK)} + ${CONNECTIONS} connections * (${mib(limit)} + ` +
          `${bodies} * ${mib(body)}) = ${mib(bound)}; all of it would be ${
            mib(CONNECTIONS * STREAMS * body)
          }`,
      );
      assert(bytes < bound, `${mib(bytes)}, above ${mib(bound)}`);
      assertEquals(bytes > 0, true);
    });
  });
}

Deno.test("bodies of which all but a kilobyte was taken are held no longer as a whole (RFC 9113 §10.5)", async () => {
  const bound = 2 * SLACK + 4 * (UNSENT_LIMIT + MIB);
  await withProgram("tests/support/unsent_server.ts", [], async (line) => {
    const bytes = await growth(Number(line), { path: "/now", count: 4, window: MIB - 1_000 });
    console.log(
      `all but a kilobyte: ${(bytes / MIB).toFixed(1)} MiB, of at most ${bound / MIB} MiB; the bodies: ${
        4 * STREAMS
      } MiB`,
    );
    assert(bytes < bound, `${bytes} bytes, above ${bound}`);
  });
});
