/**
 * Other implementations as the peer: python3-hpack, and Node's http2, which is nghttp2. Our blocks into their decoders with tables that change, and their blocks into ours.
 */

import { assert, assertEquals } from "@std/assert";
import { Flag, FrameType } from "../../../../drivers/http2/frame.ts";
import { parseHeaders } from "../../../../drivers/http2/frames/headers.ts";
import { HpackDecoder } from "../../../../drivers/http2/hpack/decoder.ts";
import { HpackEncoder } from "../../../../drivers/http2/hpack/encoder.ts";
import { HUFFMAN_CODES, HUFFMAN_LENGTHS } from "../../../../drivers/http2/hpack/huffman_table.ts";
import { STATIC_TABLE } from "../../../../drivers/http2/hpack/static_table.ts";
import { within } from "../../../support/deadline.ts";
import { findTool, testWithTool } from "../../../support/tools.ts";
import { encodeBlock, fromHex, Noise, type Pair, pairsOf, payloadOf, readFrame } from "../support.ts";

const LIMITS = { headerSizeLimit: 2 ** 24, headerCountLimit: 10_000 };
const SENSITIVE = ["authorization", "cookie", "proxy-authorization", "set-cookie"];

/** What a peer's decoder made of a field: whether it was never to be indexed comes last. */
type Decoded = readonly [name: string, value: string, never: boolean];

/** Runs a program that reads JSON from stdin and prints JSON. */
async function ask(path: string, args: readonly string[], question: unknown): Promise<unknown> {
  const child = new Deno.Command(path, { args: [...args], stdin: "piped", stdout: "piped", stderr: "piped" })
    .spawn();
  const bytes = new TextEncoder().encode(JSON.stringify(question));
  // A program that ends early breaks the pipe; its code and what it said tell more.
  const written = Promise.allSettled([new Blob([bytes]).stream().pipeTo(child.stdin)]);
  const ended = Promise.all([child.output(), written]);
  const [{ code, stdout, stderr }] = await within(`the end of ${path}`, ended, 60_000).catch(
    async (error) => {
      child.kill("SIGKILL");
      await ended;
      throw error;
    },
  );
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}

function pathOf(script: string): string {
  return new URL(`peers/${script}`, import.meta.url).pathname;
}

/** A Python that has the module hpack; Debian's may stand behind another in PATH. */
function findPython(): string | null {
  for (const path of ["/usr/bin/python3", findTool("python3")]) {
    if (path === null || !isFile(path)) continue;
    const { success } = new Deno.Command(path, {
      args: ["-c", "import hpack"],
      stdin: "null",
      stderr: "null",
    })
      .outputSync();
    if (success) return path;
  }
  return null;
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

const python = findPython();
const node = findTool("node");

/** A block, the settings that the peer made before it, and what it is of. */
interface Step {
  readonly tables: readonly number[];
  readonly list: readonly Pair[];
  readonly block: string;
}

/** Lists that our encoder turned to blocks. */
function makeSteps(
  count: number,
  makeList: (step: number) => readonly Pair[],
  makeTables: (step: number) => readonly number[],
): Step[] {
  const encoder = new HpackEncoder();
  return Array.from({ length: count }, (_, step) => {
    const tables = makeTables(step);
    const list = makeList(step);
    for (const size of tables) encoder.resize(size);
    return { tables, list, block: encodeBlock(encoder, list).toHex() };
  });
}

function decodedOf({ list }: Step): Decoded[] {
  return list.map(([name, value]) => [name, value, SENSITIVE.includes(name)]);
}

const SIZES = [0, 31, 32, 100, 300, 1000, 4095, 4096, 4097, 65_536];

/** Responses that a peer takes for such: names and values by their grammar, some of which come again. */
function responses(noise: Noise): () => readonly Pair[] {
  const names = [
    "content-type",
    "cache-control",
    "etag",
    "vary",
    "server",
    "set-cookie",
    "x-a",
    "x-b",
    "x-long-name",
  ];
  const values = Array.from(
    { length: 12 },
    () => noise.text(noise.pick([0, 1, 8, 40, 130, 900]), 0x21, 0x7e),
  );
  return () => [
    [":status", noise.pick(["200", "204", "404", "500", "201", "418"])],
    ...Array.from({ length: noise.below(12) }, (): Pair => [noise.pick(names), noise.pick(values)]),
  ];
}

/** Lists of any bytes. */
function anything(noise: Noise): () => readonly Pair[] {
  const words = Array.from({ length: 30 }, () => noise.text(noise.pick([0, 1, 5, 30, 127, 300, 2000])));
  return () => Array.from({ length: noise.below(20) }, (): Pair => [noise.pick(words), noise.pick(words)]);
}

/** No change, mostly; or several that the peer acknowledged before the next block. */
function changes(noise: Noise): () => readonly number[] {
  return () => Array.from({ length: noise.pick([0, 0, 0, 1, 1, 2, 4]) }, () => noise.pick(SIZES));
}

async function askPython(path: string, steps: readonly Step[]): Promise<void> {
  const question = steps.map(({ tables, block }) => ({ tables, block }));
  const answer = await ask(path, [pathOf("python_hpack.py")], { steps: question });
  assertEquals(answer, steps.map(decodedOf));
}

const PYTHON = "the module hpack of Python (Debian: python3-hpack)";

testWithTool(
  python,
  PYTHON,
  "python3-hpack decodes what HpackEncoder.encode() makes of responses (RFC 7541 §3)",
  (path) => askPython(path, makeSteps(300, responses(new Noise(20)), () => [])),
);

testWithTool(
  python,
  PYTHON,
  "python3-hpack decodes what HpackEncoder.encode() makes of any bytes (RFC 7541 §5.2)",
  (path) => askPython(path, makeSteps(300, anything(new Noise(21)), () => [])),
);

testWithTool(
  python,
  PYTHON,
  "python3-hpack decodes what HpackEncoder.encode() makes while the size of the table changes (RFC 7541 §4.2)",
  async (path) => {
    await askPython(path, makeSteps(300, responses(new Noise(22)), changes(new Noise(23))));
    await askPython(path, makeSteps(300, anything(new Noise(24)), changes(new Noise(25))));
  },
);

testWithTool(
  python,
  PYTHON,
  "HpackDecoder.decode() takes what python3-hpack makes, with tables that change (RFC 7541 §3)",
  async (path) => {
    const [noise, makeList] = [new Noise(26), anything(new Noise(27))];
    const makeTables = changes(noise);
    let last = 4096;
    const steps = Array.from({ length: 300 }, () => {
      // More than 4096 is beyond what we allow; and a change to the same size makes its version 4.0 forget those before it.
      const tables = makeTables().filter((size) => size <= 4096)
        .filter((size, index, all) => size !== (all[index - 1] ?? last));
      last = tables.at(-1) ?? last;
      return { tables, fields: makeList() };
    });
    const blocks = await ask(path, [pathOf("python_hpack.py")], { steps });
    assert(Array.isArray(blocks) && blocks.length === steps.length, "there is a block for each list");
    const decoder = new HpackDecoder(LIMITS);
    steps.forEach(({ fields }, index) => {
      assertEquals(pairsOf(decoder.decode(fromHex(blocks[index]))), [...fields], `list ${index}`);
    });
  },
);

testWithTool(
  python,
  PYTHON,
  "HUFFMAN_CODES and STATIC_TABLE are those of python3-hpack (RFC 7541 appendices A and B)",
  async (path) => {
    const answer = await ask(path, [pathOf("python_hpack.py")], {
      steps: [{ huffman: true }, { static: true }],
    });
    assertEquals(answer, [
      [Array.from(HUFFMAN_CODES), Array.from(HUFFMAN_LENGTHS)],
      STATIC_TABLE.slice(1).map((field) => [field?.name, field?.value]),
    ]);
  },
);

/** What Node made of one step, and the HEADERS frame that its request was. */
interface NodeAnswer {
  readonly list: readonly Decoded[];
  readonly request: string;
}

const REQUEST = { ":method": "GET", ":scheme": "https", ":authority": "a.example", ":path": "/" };

/** Lets Node decode our blocks, and decodes the requests that it makes for them. */
async function askNode(path: string, steps: readonly Step[]): Promise<void> {
  const question = steps.map(({ tables, block }, step) => ({
    tables,
    block,
    fields: { ...REQUEST, "user-agent": "peer", "x-step": `${step % 5}`, cookie: `step=${step}` },
  }));
  const answers = await ask(path, [pathOf("node_http2.mjs")], { steps: question });
  assert(Array.isArray(answers) && answers.length === steps.length, "there is an answer for each step");
  const decoder = new HpackDecoder(LIMITS);
  answers.forEach(({ list, request }: NodeAnswer, step) => {
    assertEquals(list, decodedOf(steps[step]!), `step ${step}`);
    assertEquals(decodeRequest(decoder, request), Object.entries(question[step]!.fields), `request ${step}`);
  });
}

function decodeRequest(decoder: HpackDecoder, hex: string): Pair[] {
  const frame = readFrame(fromHex(hex));
  assertEquals([frame.type, frame.has(Flag.END_HEADERS)], [FrameType.HEADERS, true]);
  parseHeaders(frame);
  return pairsOf(decoder.decode(payloadOf(frame)));
}

testWithTool(
  node,
  "node",
  "Node's http2 decodes what HpackEncoder.encode() makes of responses, and makes requests that we decode (RFC 7541 §3)",
  (path) => askNode(path, makeSteps(200, responses(new Noise(30)), () => [])),
);

testWithTool(
  node,
  "node",
  "Node's http2 decodes what HpackEncoder.encode() makes while the size of the table changes (RFC 7541 §4.2)",
  (path) => askNode(path, makeSteps(200, responses(new Noise(31)), changes(new Noise(32)))),
);
