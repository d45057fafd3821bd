/** How long the connections of a server may keep the event loop, by a clock that only the test moves. */

import { EventLoopShare, LoopTurns } from "../../base/event_loop_share.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { FakeTime } from "../support/fake_time.ts";

const LARGE = 65_536;

/** Whether a step has to wait. */
function waits(step: Promise<null> | null): boolean {
  return step !== null;
}

Deno.test("LoopTurns lets a connection read for 8 ms, and then has it wait until the loop has rested", async () => {
  using time = new FakeTime();
  const turns = new LoopTurns(new EventLoopShare());
  const log: boolean[] = [];
  for (let step = 0; step < 9; step++) {
    log.push(waits(turns.onRead(LARGE)));
    await time.pass(1);
  }
  assertEquals(log, Array(9).fill(false));
  const held = turns.onRead(LARGE);
  assert(held !== null, "the tenth read, after 9 ms, waits");
  await time.pass(1);
  assertEquals(await held, null);
  assertEquals(waits(turns.onRead(LARGE)), false, "the next spell begins after the rest");
});

Deno.test("LoopTurns counts the work of all connections of a server together", async () => {
  using time = new FakeTime();
  const share = new EventLoopShare();
  const [one, other] = [new LoopTurns(share), new LoopTurns(share)];
  assertEquals(waits(one.onRead(LARGE)), false);
  await time.pass(9);
  const held = other.onWrite(LARGE);
  assert(held !== null, "the other's write waits");
  await time.pass(1);
  assertEquals(await held, null);
});

Deno.test("LoopTurns has 96 large calls in a spell, because Deno completes 128 in a turn of its loop", async () => {
  using time = new FakeTime();
  const turns = new LoopTurns(new EventLoopShare());
  for (let call = 0; call < 96; call++) assertEquals(waits(turns.onRead(LARGE)), false, `call ${call}`);
  const held = turns.onRead(LARGE);
  assert(held !== null, "the 97th waits");
  await time.pass(1);
  await held;
});

Deno.test("LoopTurns never has a client wait that sends one small request at a time", async () => {
  using time = new FakeTime();
  const share = new EventLoopShare();
  const [busy, light] = [new LoopTurns(share), new LoopTurns(share)];
  busy.onRead(LARGE);
  await time.pass(9);
  const held = busy.onRead(LARGE);
  assert(held !== null, "the busy one waits");
  for (let request = 0; request < 1000; request++) {
    assertEquals([waits(light.onRead(200)), waits(light.onWrite(200))], [false, false]);
  }
  await time.pass(1);
  await held;
});

Deno.test("LoopTurns has a connection wait between the messages of one large read", async () => {
  using time = new FakeTime();
  const turns = new LoopTurns(new EventLoopShare());
  turns.onRead(LARGE);
  let taken = 0;
  let held: Promise<null> | null = null;
  for (; held === null && taken < 100; taken++) {
    await time.pass(1); // a handler that works for a millisecond
    held = turns.onMessage();
  }
  assertEquals(taken, 12, "messages until the first look behind 8 ms");
  await time.pass(1);
  await held;
});

Deno.test("LoopTurns lets those that wait go on in their order", async () => {
  using time = new FakeTime();
  const share = new EventLoopShare();
  const connections = Array.from({ length: 5 }, () => new LoopTurns(share));
  connections[0]!.onRead(LARGE);
  await time.pass(9);
  const order: number[] = [];
  for (const [index, turns] of connections.entries()) {
    turns.onRead(LARGE)?.then(() => order.push(index));
  }
  await time.pass(1);
  assertEquals(order, [0, 1, 2, 3, 4]);
});

Deno.test("EventLoopShare begins anew after 20 ms without a large step", async () => {
  using time = new FakeTime();
  const turns = new LoopTurns(new EventLoopShare());
  for (let step = 0; step < 50; step++) {
    assertEquals(waits(turns.onRead(LARGE)), false, `step ${step}`);
    await time.pass(21);
  }
});

Deno.test("EventLoopShare has a connection wait whose every message is worked on for longer than 20 ms", async () => {
  using time = new FakeTime();
  const turns = new LoopTurns(new EventLoopShare());
  const log: boolean[] = [];
  async function work(): Promise<void> {
    turns.onRead(LARGE);
    for (let message = 0; message < 3; message++) {
      time.work(25);
      const held = turns.onWork();
      log.push(waits(held));
      await held;
    }
  }
  const done = work();
  for (let rest = 0; rest < 6; rest++) await time.pass(1);
  await done;
  assertEquals(log, [true, true, true]);
});

Deno.test("EventLoopShare has a connection wait after long work, although the loop has turned meanwhile", async () => {
  using time = new FakeTime();
  const turns = new LoopTurns(new EventLoopShare());
  assertEquals(waits(turns.onRead(LARGE)), false);
  time.work(25);
  await time.pass(0); // timers have fired, and nobody has asked the system what has arrived
  time.work(25);
  const held = turns.onWork();
  assert(held !== null, "the step behind it waits");
  await time.pass(1);
  await held;
});

Deno.test("EventLoopShare leaves no timer behind when its server has stopped", () => {
  using time = new FakeTime();
  const share = new EventLoopShare();
  const turns = new LoopTurns(share);
  turns.onRead(LARGE);
  assertEquals(time.waiting, 1);
  share.end();
  turns.onRead(LARGE);
  assertEquals(time.waiting, 0);
});
