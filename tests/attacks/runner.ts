/**
 * Runs the HTTP/1 cases of the corpus against a server program: every case on a real socket, in groups that do not
 * disturb each other, and then what holds for the whole run.
 *
 * @module
 */

import { assert } from "../support/assert.ts";
import { latin1 } from "../support/bytes.ts";
import { within } from "../support/deadline.ts";
import type { AttackCase, Corpus, Expectation } from "./corpus.ts";
import { describe, judge, type Observation, observe } from "./expect.ts";
import { RawConnection } from "./raw_connection.ts";
import { type Holdings, type Program, ServerProcess } from "./server_process.ts";
import { perform } from "./steps.ts";

/** How many cases that neither measure nor load run at a time. */
const concurrency = 12;
/** After that long without an event what holds is taken to stay so, in milliseconds. */
const quietTime = 200;
/** As above where something is expected not to come. */
const quietTimeForNothing = 350;
/** As above where the server is expected to keep silent. */
const quietTimeForSilence = 1_500;
/** How long the server may take to close after the last event; longer for cases that are slow or heavy. */
const closeTime = 3_000;
const longCloseTime = 9_000;
/** How long the steps of one case may take in all; with a time limit of its own, that much longer than the limit. */
const stepsTime = 30_000;
const extraTime = 1_000;
/** How much the resident memory may have grown after the whole run, in MiB. */
const memoryGrowth = 32;

/** What became of one case. */
export interface CaseResult {
  readonly id: string;
  readonly ref: string;
  readonly level: "must" | "should";
  /** Why it failed, or `null`. */
  readonly failure: string | null;
}

/** What became of one rule about a whole run. */
export interface RunResult {
  readonly rule: string;
  /** Why it does not hold, or `null`. */
  readonly failure: string | null;
}

/** What became of everything. */
export interface Results {
  readonly cases: readonly CaseResult[];
  readonly rules: readonly RunResult[];
}

/**
 * Tells the results, a step each.
 *
 * @param reasons cases of level `should` that fail on purpose, by id, each with its reason. One that passes after all, or that is
 * a `must`, fails the test.
 */
export async function tell(
  t: Deno.TestContext,
  { cases, rules }: Results,
  reasons: Readonly<Record<string, string>>,
): Promise<void> {
  for (const { id, ref, level, failure } of cases) {
    const reason = reasons[id];
    const name = `${id}: ${ref}${reason === undefined ? "" : ` [known: ${reason}]`}`;
    await t.step(name, () => {
      if (reason === undefined) return assert(failure === null, `${id} (${level}): ${failure}`);
      assert(level === "should", `${id} is a must, for which there is no reason to fail`);
      assert(failure !== null, `${id} passes: take it out of the table`);
    });
  }
  for (const { rule, failure } of rules) {
    await t.step(rule, () => assert(failure === null, `${rule}: ${failure}`));
  }
  for (const id of Object.keys(reasons)) {
    assert(cases.some((result) => result.id === id), `${id} is a case of the corpus`);
  }
}

/** Runs every case against processes of `program`, one for each profile. */
export async function runCorpus(corpus: Corpus, program: Program): Promise<Results> {
  const runs = await Promise.all(
    [...corpus.profiles.keys()].map((profile) => runProfile(corpus, profile, program)),
  );
  const found = new Map(runs.flatMap(({ cases }) => cases).map((result) => [result.id, result]));
  const cases = corpus.cases.map(({ id }) => {
    const result = found.get(id);
    assert(result !== undefined, `${id} was run`);
    return result;
  });
  return { cases, rules: runs.flatMap(({ rules }) => rules) };
}

async function runProfile(corpus: Corpus, name: string, program: Program): Promise<Results> {
  const cases = corpus.cases.filter(({ profile }) => profile === name);
  const profile = corpus.profiles.get(name) ?? new Map();
  await using server = await ServerProcess.start(program, { profile, accessLog: true });
  await warmUp(server);
  const before = await server.holdings();
  const memory = server.memory();
  const failures = await runGroups(cases, server);
  const rules = [
    { rule: `the ${name} process holds no more than before`, failure: await server.leftOver(before) },
    { rule: `the ${name} process grew by less than ${memoryGrowth} MiB`, failure: grown(server, memory) },
    {
      rule: `the ${name} process runs on, without unhandled errors`,
      failure: failed(() => server.checkRunning()),
    },
  ];
  const results = cases.map((attack) => {
    const { id, ref, level } = attack;
    const outcome = failures.get(id);
    assert(outcome !== undefined, `${id} has an outcome`);
    return { id, ref, level, failure: outcome.failure ?? smuggled(server, attack, outcome.satisfied) };
  });
  return { cases: results, rules };
}

/** Makes the server load and compile what it needs, before anything is measured. */
export async function warmUp(server: ServerProcess): Promise<void> {
  for (let round = 0; round < 50; round++) {
    await server.checkAlive();
    const body = "x".repeat(2_000);
    await server.request(`POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2000\r\n\r\n${body}`, 5_000);
    await server.request("BAD\r\n\r\n", 5_000).catch((error) => assert(error instanceof Error, "an error"));
  }
}

// ------------------------------------------------------------------------------------------------ groups

/** What became of a case, before the log is looked at. */
interface Outcome {
  readonly failure: string | null;
  /** The alternative that holds; `null` where none does. */
  readonly satisfied: Expectation | null;
}

/** Whether a case measures the process, or loads it so that measuring others would be disturbed. */
function isAlone({ heavy, expect }: AttackCase): boolean {
  return heavy || expect.some(({ bounded, handlerAborted }) => bounded !== undefined || handlerAborted);
}

async function runGroups(
  cases: readonly AttackCase[],
  server: ServerProcess,
): Promise<ReadonlyMap<string, Outcome>> {
  const outcomes = new Map<string, Outcome>();
  async function run(attack: AttackCase): Promise<void> {
    outcomes.set(attack.id, await runCase(attack, server));
  }
  const together = cases.filter((attack) => !isAlone(attack));
  const slow = together.filter((attack) => attack.slow);
  const queue = together.filter((attack) => !attack.slow).values();
  async function work(): Promise<void> {
    for (const attack of queue) await run(attack);
  }
  await Promise.all([...slow.map(run), ...Array.from({ length: concurrency }, work)]);
  for (const attack of cases.filter(isAlone)) await run(attack);
  return outcomes;
}

// ------------------------------------------------------------------------------------------------ one case

async function runCase(attack: AttackCase, server: ServerProcess): Promise<Outcome> {
  try {
    using meter = await Meter.start(attack, server);
    const satisfied = await attackOnce(attack, server);
    await server.checkAlive();
    await meter.check(satisfied);
    return { failure: null, satisfied };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return { failure: error.message, satisfied: null };
  }
}

/** Sends what the case sends, and gives the alternative that holds. */
async function attackOnce(attack: AttackCase, server: ServerProcess): Promise<Expectation> {
  const resettable = attack.send.some(({ kind }) => kind === "rst");
  const dripToTheEnd = attack.expect.some(({ cutOff }) => cutOff);
  await using connection = await RawConnection.open(server.port, { resettable });
  const performed = perform(attack.send, connection, { dripToTheEnd });
  try {
    const limits = attack.expect.map(({ withinMs }) =>
      withinMs === undefined ? stepsTime : withinMs + extraTime
    );
    await within("the end of what is sent", performed, Math.max(...limits));
  } catch (error) {
    await connection[Symbol.asyncDispose]();
    await performed;
    throw error;
  }
  if (attack.send.at(-1)?.kind === "rst") return firstWithout(attack);
  const seen = await settle(attack, connection);
  const satisfied = attack.expect.find((expectation) => judge(expectation, seen) === null);
  if (satisfied === undefined) {
    throw new Error(attack.expect.map((expectation) => judge(expectation, seen)).join("; or "));
  }
  await followUp(satisfied, connection, attack);
  if (satisfied.alive) await server.checkAlive();
  return satisfied;
}

/** After a reset nothing can be seen on the connection, so a case may not ask for it. */
function firstWithout(attack: AttackCase): Expectation {
  const [expectation] = attack.expect;
  assert(expectation !== undefined, `${attack.id} expects something`);
  const { status, responses, close, open } = expectation;
  assert(
    (status ?? responses ?? close ?? open) === undefined,
    `${attack.id} expects nothing of a reset connection`,
  );
  return expectation;
}

/**
 * Waits until an alternative holds and nothing more comes, the connection ends, or the time is up. Bytes that trickle in
 * push that time out, but only so far.
 */
async function settle(attack: AttackCase, connection: RawConnection): Promise<Observation> {
  const limit = attack.slow || attack.heavy ? longCloseTime : closeTime;
  const start = performance.now();
  for (;;) {
    const seen = observe(connection, attack);
    if (connection.ending !== null) return seen;
    const quiet = performance.now() - connection.lastEventAt;
    const holds = attack.expect.filter((expectation) => judge(expectation, seen) === null);
    const needed = Math.min(...holds.map((expectation) => quietFor(expectation)), limit);
    const patience = 2 * needed - (performance.now() - start);
    if (quiet >= needed || patience <= 0) return seen;
    await connection.change(Math.max(1, Math.min(needed - quiet, patience)));
  }
}

function quietFor({ status, responses, noOutput, notSecond, maxResponses, noInterim }: Expectation): number {
  if ((status ?? responses) === undefined || noOutput) return quietTimeForSilence;
  return notSecond || noInterim || maxResponses !== undefined ? quietTimeForNothing : quietTime;
}

/** What a case does after the observation: a further request on the same connection. */
async function followUp(
  { open, then }: Expectation,
  connection: RawConnection,
  attack: AttackCase,
): Promise<void> {
  if (open) {
    const send = [{ kind: "write", bytes: latin1("GET / HTTP/1.1\r\nHost: a\r\n\r\n") }] as const;
    await expectMore({ send, responses: [[200]] }, connection, attack);
  }
  if (then !== undefined) await expectMore(then, connection, attack);
}

async function expectMore(
  { send, responses }: NonNullable<Expectation["then"]>,
  connection: RawConnection,
  attack: AttackCase,
): Promise<void> {
  const before = observe(connection, attack).final.length;
  await perform(send, connection, { dripToTheEnd: false });
  const end = performance.now() + closeTime;
  for (;;) {
    const seen = observe(connection, attack);
    const more = seen.final.slice(before).filter(({ complete }) => complete);
    if (more.length >= responses.length || connection.isOver || performance.now() > end) {
      const right = responses.every((allowed, index) => allowed.includes(more[index]?.status ?? 0));
      assert(
        right,
        `a further request on the connection gets ${responses.join("; ")}; got ${describe(seen)}`,
      );
      return;
    }
    await connection.change(end - performance.now());
  }
}

/** Measures the process while one case runs. */
export class Meter implements Disposable {
  readonly #server: ServerProcess;
  readonly #before: Holdings | null;
  readonly #memory: number;
  readonly #time: number;
  readonly #timer: ReturnType<typeof setInterval> | undefined;
  #peak: number;

  constructor(server: ServerProcess, before: Holdings | null, watch: boolean) {
    this.#server = server;
    this.#before = before;
    this.#memory = this.#peak = server.memory();
    this.#time = server.processorTime();
    if (watch) this.#timer = setInterval(() => this.#peak = Math.max(this.#peak, server.memory()), 20);
  }

  static async start({ expect }: Pick<AttackCase, "expect">, server: ServerProcess): Promise<Meter> {
    const aborted = expect.some(({ handlerAborted }) => handlerAborted);
    const bounded = expect.some(({ bounded }) => bounded !== undefined);
    return new Meter(server, aborted ? await server.holdings() : null, bounded);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  /** Fails when what the satisfied expectation says about the process does not hold. */
  async check({ bounded, handlerAborted }: Expectation): Promise<void> {
    const memory = Math.max(this.#peak, this.#server.memory()) - this.#memory;
    const time = this.#server.processorTime() - this.#time;
    const { rssMb = Infinity, cpuMs = Infinity } = bounded ?? {};
    assert(!(memory > rssMb), `the process grows by ${rssMb} MiB at most, not by ${memory.toFixed(1)}`);
    assert(!(time > cpuMs), `the case costs ${cpuMs} ms of processor time at most, not ${time}`);
    if (!handlerAborted || this.#before === null) return;
    const left = await this.#server.leftOver(this.#before);
    assert(left === null, `the handler ends with its client: ${left}`);
  }
}

// ------------------------------------------------------------------------------------------------ the whole run

/** A target that came after the end of a message must not have been a request. */
function smuggled(
  server: ServerProcess,
  { send, tag }: AttackCase,
  satisfied: Expectation | null,
): string | null {
  const refused = satisfied?.status?.join() === "400" && satisfied.close;
  if (send.length === 0 || !(satisfied?.notSecond || refused)) return null;
  return server.logged(tag) ? "the smuggled target reached the handler, says the log" : null;
}

export function grown(server: ServerProcess, before: number): string | null {
  const growth = server.memory() - before;
  return growth > memoryGrowth ? `it grew by ${growth.toFixed(1)} MiB` : null;
}

export function failed(check: () => void): string | null {
  try {
    check();
    return null;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return error.message;
  }
}
