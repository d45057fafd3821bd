/** The rule by which clients share the places for handlers: against a model, and by figures. */

import { DeadlineQueue } from "../../deadlines.ts";
import { HandlerQueue } from "../../server/handler_queue.ts";
import { ClientLoad, NetworkLoad, type TurnEnd } from "../../server/load.ts";
import { Networks } from "../../server/networks.ts";
import { type Ranked, Ranking } from "../../server/ranking.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { FakeTime } from "../support/fake_time.ts";

/** Numbers from 0 to below `limit` that look random and are the same each time (mulberry32). */
function randomNumbers(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor(((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32 * limit);
  };
}

/** What is known of one request from outside of the queue. */
interface Asked {
  readonly client: ClientLoad;
  readonly left: AbortController;
  state: "waiting" | "running" | "over";
}

/** A queue together with all that its users know. */
class Model {
  readonly queue: HandlerQueue;
  readonly clients: ClientLoad[] = [];
  /** What runs or waits, in the order in which it came. */
  asked: Asked[] = [];

  constructor(readonly limit: number, readonly queueLimit: number) {
    const limits = { handlerLimit: limit, handlerQueueLimit: queueLimit, handlerQueueTimeout: 1_000 };
    this.queue = new HandlerQueue(limits, new DeadlineQueue());
  }

  /** Adds clients, so many in each of so many networks. */
  addClients(networks: number, each: number): void {
    for (let network = 0; network < networks; network++) {
      const load = new NetworkLoad();
      for (let count = 0; count < each; count++) {
        this.clients.push(Object.assign(new ClientLoad(), { network: load }));
      }
    }
  }

  /** One request; says whether it runs, waits, or was refused. */
  ask(client: ClientLoad): "waiting" | "running" | "refused" {
    const asked: Asked = { client, left: new AbortController(), state: "running" };
    if (!this.queue.enter(client)) {
      const wait = this.queue.wait(client, asked.left.signal);
      if (wait === null) return "refused";
      asked.state = "waiting";
      wait.then((end) => this.#end(asked, end));
    }
    this.asked.push(asked);
    return asked.state === "waiting" ? "waiting" : "running";
  }

  #end(asked: Asked, end: TurnEnd): void {
    assertEquals(asked.state, "waiting", "a request waits when its wait ends");
    asked.state = end === "run" ? "running" : "over";
    const earlier = this.asked.find(({ client, state }) => client === asked.client && state === "waiting");
    assert(
      end !== "run" || earlier === undefined || this.asked.indexOf(earlier) > this.asked.indexOf(asked),
      "the requests of one client have their turns in their order",
    );
  }

  /** Asks until it does not run at once. */
  askAll(client: ClientLoad): void {
    while (this.ask(client) === "running");
  }

  /** The rule: a client may have such a part of the free places as they are of all. */
  #mayRun(load: number, running: number): boolean {
    const free = this.limit - running;
    return load / 2 < free * free / this.limit;
  }

  /**
   * Ends one handler. Who gets its place is one that may have it, and of those that wait one with the fewest.
   */
  finish(asked: Asked): void {
    asked.state = "over";
    const waiting = new Set(this.of("waiting").map(({ client }) => client));
    const { client: loser } = asked;
    const after = (client: ClientLoad) =>
      client.running + client.network.running -
      (client === loser ? 2 : client.network === loser.network ? 1 : 0);
    const loads = new Map([...waiting].map((client) => [client, after(client)]));
    const running = this.queue.running - 1;
    const before = new Map([...waiting].map((client) => [client, client.waiting]));
    this.queue.leave(loser);
    for (const client of waiting) {
      if (client.waiting === before.get(client)) continue;
      assert(this.#mayRun(loads.get(client)!, running), "a client that has too many gets no place");
      assertEquals(loads.get(client), Math.min(...loads.values()), "the client that has the fewest is first");
    }
  }

  of(state: Asked["state"]): Asked[] {
    return this.asked.filter((asked) => asked.state === state);
  }

  /** How many handlers run for each client. */
  get running(): number[] {
    return this.clients.map(({ running }) => running);
  }

  /** Fails when anything holds that must not. */
  check(): void {
    this.asked = this.asked.filter(({ state }) => state !== "over");
    const { queue, limit } = this;
    assert(queue.running <= limit, `${queue.running} run, of ${limit} allowed`);
    assert(queue.waiting <= this.queueLimit, `${queue.waiting} wait, of ${this.queueLimit} allowed`);
    assertEquals(this.of("running").length, queue.running, "what runs");
    assertEquals(this.of("waiting").length, queue.waiting, "what waits");
    for (const { client } of this.of("waiting")) {
      const load = client.running + client.network.running;
      assert(!this.#mayRun(load, queue.running), `one waits that has ${load}, and ${queue.running} run`);
    }
  }
}

for (let seed = 1; seed <= 20; seed++) {
  Deno.test(`no place is free while a request waits that may have it, whatever comes and goes (seed ${seed})`, async () => {
    const random = randomNumbers(seed);
    const model = new Model(1 + random(40), random(200));
    model.addClients(1 + random(6), 1 + random(5));
    const pick = <T>(list: readonly T[]): T | undefined => list[random(list.length)];
    for (let step = 0; step < 3_000; step++) {
      const waiting = pick(model.of("waiting"));
      const running = pick(model.of("running"));
      // Phases of growth and of decay, so that full and empty queues are met.
      const growth = step % 600 < 300 ? 6 : 3;
      const choice = random(10);
      if (choice < growth) model.ask(pick(model.clients)!);
      else if (choice < 9 && running !== undefined) model.finish(running);
      else if (waiting !== undefined) waiting.left.abort();
      await Promise.resolve();
      await Promise.resolve();
      model.check();
    }
    for (let running = model.of("running"); running.length > 0; running = model.of("running")) {
      for (const asked of running) model.finish(asked);
      await Promise.resolve();
      model.check();
    }
    assertEquals([model.queue.running, model.queue.waiting], [0, 0], "what is left");
  });
}

const SHARES: readonly (readonly [networks: number, each: number, share: number])[] = [
  [1, 1, 382],
  [2, 1, 250],
  [10, 1, 73],
  [1, 2, 216],
  [1, 30, 17],
  [10, 30, 3],
  [999, 1, 1],
];

for (const [networks, each, share] of SHARES) {
  const who = `${networks} networks with ${each} clients each`;
  Deno.test(`of ${who} that want all 1000 places every client gets ${share}, and a newcomer gets one`, () => {
    const model = new Model(1_000, 100_000);
    model.addClients(networks, each);
    for (let round = 0; round < 1_000; round++) {
      for (const client of model.clients) if (client.waiting === 0) model.ask(client);
    }
    const { running } = model;
    const [least, most] = [Math.min(...running), Math.max(...running)];
    assert(most - least <= 1, `shares are equal, not from ${least} to ${most}`);
    assertEquals([least, most].includes(share), true, `${share}, not ${least} to ${most}`);
    model.addClients(1, 1);
    assertEquals(model.ask(model.clients.at(-1)!), "running", "a newcomer");
    for (const asked of model.asked) asked.left.abort();
  });
}

Deno.test("clients that come one after the other and want everything leave places to those that come later", () => {
  const model = new Model(1_000, 100_000);
  model.addClients(30, 1);
  for (const client of model.clients) model.askAll(client);
  assertEquals(model.running.slice(0, 10), [382, 187, 106, 67, 46, 33, 25, 19, 15, 12]);
  assert(model.queue.running <= 970, `30 clients take ${model.queue.running} of 1000 places`);
  for (const asked of model.asked) asked.left.abort();
});

Deno.test("a client that took its share first gives way to one that comes later", async () => {
  const model = new Model(100, 1_000);
  model.addClients(2, 1);
  const [early, late] = model.clients as [ClientLoad, ClientLoad];
  for (let count = 0; count < 200; count++) model.ask(early);
  assertEquals(model.running, [39, 0]);
  for (let count = 0; count < 200; count++) model.ask(late);
  assertEquals(model.running, [39, 19]);
  for (let ended = 0; ended < 100; ended++) {
    model.finish(model.of("running").find(({ client }) => client.running === Math.max(...model.running))!);
    await Promise.resolve();
    model.check();
  }
  assertEquals(model.running, [25, 25]);
  for (const asked of model.asked) asked.left.abort();
});

Deno.test("two clients that want everything have their turns one after the other", async () => {
  const model = new Model(10, 1_000);
  model.addClients(2, 1);
  for (let count = 0; count < 100; count++) for (const client of model.clients) model.ask(client);
  const before = new Set(model.of("running"));
  const order: number[] = [];
  for (let ended = 0; ended < 40; ended++) {
    model.finish(model.of("running")[0]!);
    await Promise.resolve();
    for (const asked of model.of("running")) {
      if (!before.has(asked)) order.push(model.clients.indexOf(asked.client));
      before.add(asked);
    }
  }
  for (let at = 2; at <= order.length; at += 2) {
    const counts = [0, 1].map((index) => order.slice(0, at).filter((one) => one === index).length);
    assert(Math.abs(counts[0]! - counts[1]!) <= 1, `${order.slice(0, at)}: turns are shared`);
  }
  for (const asked of model.asked) asked.left.abort();
});

for (const [networks, each] of [[60, 1], [1, 60]] as const) {
  Deno.test(`clients of ${networks} networks that have nothing are served in the order in which they came`, async () => {
    const model = new Model(1, 1_000);
    model.addClients(networks, each);
    for (const client of model.clients) model.ask(client);
    const leaving = [7, 3, 31, 40];
    for (const index of leaving) model.asked[index]!.left.abort();
    const order: number[] = [];
    await Promise.resolve();
    for (let running = model.of("running"); running.length > 0; running = model.of("running")) {
      order.push(model.clients.indexOf(running[0]!.client));
      model.finish(running[0]!);
      await Promise.resolve();
    }
    assertEquals(order, model.clients.map((_, index) => index).filter((index) => !leaving.includes(index)));
  });
}

Deno.test("the places for waiting are shared by the same rule", () => {
  const model = new Model(1, 100);
  model.addClients(3, 1);
  const [first, second, third] = model.clients as [ClientLoad, ClientLoad, ClientLoad];
  assertEquals(model.ask(first), "running");
  while (model.ask(first) === "waiting");
  assertEquals(first.waiting, 39);
  while (model.ask(second) === "waiting");
  assertEquals([first.waiting, second.waiting], [39, 19]);
  assertEquals(model.ask(third), "waiting");
  for (const asked of model.asked) asked.left.abort();
});

Deno.test("a request waits for handlerQueueTimeout, and no millisecond less", async () => {
  using time = new FakeTime();
  const model = new Model(1, 10);
  model.addClients(1, 2);
  model.ask(model.clients[0]!);
  model.ask(model.clients[1]!);
  await time.pass(999);
  assertEquals(model.of("waiting").length, 1);
  await time.pass(201); // two ticks
  assertEquals([model.of("waiting").length, model.queue.waiting], [0, 0]);
  model.finish(model.of("running")[0]!);
});

Deno.test("a request whose client has left already does not wait", async () => {
  const { queue } = new Model(1, 10);
  const client = Object.assign(new ClientLoad(), { network: new NetworkLoad() });
  assert(queue.enter(client), "the first runs");
  assertEquals(await queue.wait(client, AbortSignal.abort()), "left");
  assertEquals([queue.waiting, client.waiting, client.network.waiting], [0, 0, 0]);
});

Deno.test("a network that has left and come back still has the handlers that run for it", () => {
  const networks = new Networks();
  const { queue } = new Model(10, 10);
  const enter = () => Object.assign(new ClientLoad(), { network: networks.enter("192.0.2.1") });
  const first = enter();
  for (let count = 0; count < 3; count++) assert(queue.enter(first), "there is room");
  networks.leave(first.network);
  const second = enter();
  assertEquals([second.network === first.network, second.network.running], [true, 3]);
  networks.leave(second.network);
  for (let count = 0; count < 3; count++) queue.leave(first);
  assert(enter().network !== first.network, "nothing is kept of a network that has nothing");
});

Deno.test("Networks.enter() counts the connections of a network, and exempt ones by themselves", () => {
  const networks = new Networks();
  const load = networks.enter("192.0.2.1");
  assertEquals([networks.enter("192.0.2.1") === load, load.connections], [true, 2]);
  networks.leave(load);
  assertEquals(load.connections, 1);
  for (const exempt of ["127.0.0.1", null]) {
    const [one, other] = [networks.enter(exempt), networks.enter(exempt)];
    assertEquals([one !== other, one.connections, other.connections], [true, 1, 1]);
  }
});

Deno.test("Ranking gives its entries by rank and turn, whatever changes", () => {
  const random = randomNumbers(7);
  const ranking = new Ranking<Ranked>();
  const entries: Ranked[] = [];
  for (let step = 0; step < 5_000; step++) {
    const entry = entries[random(entries.length)];
    if (entry === undefined || random(3) === 0) {
      entries.push({ rank: random(20), turn: step, position: -1 });
      ranking.add(entries.at(-1)!);
    } else if (random(2) === 0) {
      ranking.remove(entry);
      entries.splice(entries.indexOf(entry), 1);
    } else {
      entry.rank = random(20);
      ranking.update(entry);
    }
    const [first = null] = entries.toSorted((one, other) => one.rank - other.rank || one.turn - other.turn);
    assertEquals([ranking.first === first, ranking.size], [true, entries.length]);
  }
});
