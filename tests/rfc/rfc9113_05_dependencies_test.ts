/** RFC 9113 §5.3.2, §6.3: a stream that is said to depend on itself. */

import { assertEquals } from "../support/assert.ts";
import {
  ErrorCode,
  Flag,
  FrameType,
  Gate,
  hpackBlock,
  type Http2Client,
  requestFields,
  uint,
} from "../support/http2_client.ts";
import { withHttp2Tcp } from "../support/http2_tcp.ts";

/** Sends a GET whose HEADERS say that the stream depends on `dependency`, in one frame or in two. */
function ask(client: Http2Client, streamId: number, dependency: number, continued: boolean): void {
  const block = hpackBlock([...requestFields("GET", "/now"), ["x-new", `of ${streamId}`]]);
  const first = continued ? block.subarray(0, 4) : block;
  const flags = Flag.PRIORITY | Flag.END_STREAM | (continued ? 0 : Flag.END_HEADERS);
  client.frame({ type: FrameType.HEADERS, flags, streamId, payload: [...uint(dependency), 15, ...first] });
  if (continued) client.continuation(streamId, block.subarray(4));
}

for (const continued of [false, true]) {
  const where = continued ? "HEADERS and CONTINUATION" : "HEADERS";
  for (const [dependency, name] of [[1, "itself"], [0x8000_0001, "itself alone"]] as const) {
    Deno.test(`${where} of a stream that depends on ${name} are a stream error of PROTOCOL_ERROR (RFC 9113 §5.3.2)`, async () => {
      const gate = new Gate();
      await withHttp2Tcp(gate.handler, {}, async ({ connect }) => {
        const client = await connect();
        client.log.open(1, "GET");
        ask(client, 1, dependency, continued);
        await client.expectStreamError(1, ErrorCode.PROTOCOL_ERROR);
        assertEquals(gate.targets, []);
        ask(client, 3, 1, continued);
        assertEquals((await client.response(3)).text, "now", "the table of both sides is the same");
      });
    });
  }
}

Deno.test("PRIORITY of an open stream that depends on itself is a stream error of PROTOCOL_ERROR (RFC 9113 §6.3)", async () => {
  const gate = new Gate();
  await withHttp2Tcp(gate.handler, {}, async ({ connect }) => {
    const client = await connect();
    const id = client.request({ path: "/a" });
    await gate.arrival("/a");
    client.frame({ type: FrameType.PRIORITY, streamId: id, payload: [...uint(id), 15] });
    await client.expectStreamError(id, ErrorCode.PROTOCOL_ERROR);
    assertEquals(gate.signals.get("/a")?.aborted, true);
    gate.open("/a");
  });
});

Deno.test("PRIORITY of an idle stream that depends on itself is a connection error: no idle stream is reset (RFC 9113 §6.4)", async () => {
  const gate = new Gate();
  await withHttp2Tcp(gate.handler, {}, async ({ connect }) => {
    const client = await connect();
    client.frame({ type: FrameType.PRIORITY, streamId: 9, payload: [...uint(9), 15] });
    await client.expectConnectionError(ErrorCode.PROTOCOL_ERROR);
  });
});

Deno.test("streams that depend on themselves draw on ownResetBudget (RFC 9113 §10.5)", async () => {
  const gate = new Gate();
  await withHttp2Tcp(gate.handler, { ownResetBudget: { burst: 5, perSecond: 0 } }, async ({ connect }) => {
    const client = await connect();
    for (let id = 1; id <= 11; id += 2) client.log.open(id, "GET");
    for (let id = 1; id <= 9; id += 2) ask(client, id, id, false);
    await client.expectAlive();
    ask(client, 11, 11, false);
    await client.expectConnectionError(ErrorCode.ENHANCE_YOUR_CALM);
  });
});
