/**
 * Runs the HTTP/2 cases of the corpus against processes of a server program, each on a real socket. What a case asks of the
 * process (handlers, memory) is only its own when it is alone there, so each process has one case at a time.
 *
 * @module
 */

import { assert } from "../support/assert.ts";
import { pass, within } from "../support/deadline.ts";
import type { Corpus, Expectation } from "./corpus.ts";
import type { Expected, Http2Case, JsonObject } from "./http2_case.ts";
import { judge } from "./http2_judge.ts";
import { encodeFrame, Http2Session } from "./http2_session.ts";
import { perform } from "./http2_steps.ts";
import { type CaseResult, failed, grown, Meter, type Results, warmUp } from "./runner.ts";
import { type Holdings, type Program, ServerProcess } from "./server_process.ts";

/** How many processes there are for each profile. */
const PROCESSES = 3;
/** After that long without an event what holds is taken to stay so, in milliseconds. */
const quietTime = 150;
/** How long the server may take, after the last event, for what is expected of it; a slow case says so. */
const patience = 3_000;
const longPatience = 9_000;
/** How long the steps of one case may take in all. */
const stepsTime = 40_000;
/** How long a client that does not read does so, where the case is slow. */
const notReading = 3_500;
const memoryGrowth = 32;

/** Runs every case against processes of `program`. */
export async function runHttp2Cases(
  cases: readonly Http2Case[],
  { profiles }: Corpus,
  program: Program,
): Promise<Results> {
  const results = new Map<string, CaseResult>();
  const rules: { rule: string; failure: string | null }[] = [];
  const measured = cases.filter((attack) => isMeasured(attack));
  const others = cases.filter((attack) => !isMeasured(attack));
  // What is measured comes last, when nothing else runs.
  for (const [list, count] of [[others, PROCESSES], [measured, 1]] as const) {
    const runs = [...profiles].map(([name, profile]) => {
      const queue = list.filter((attack) => attack.profile === name).values();
      return Array.from({ length: count }, async () => {
        await using server = await ServerProcess.start(program, { profile });
        await warmUp(server);
        const before = await server.holdings();
        const memory = server.memory();
        for (const attack of queue) results.set(attack.id, await runCase(attack, server));
        rules.push(...await checkRules(server, before, memory));
      });
    });
    await Promise.all(runs.flat());
  }
  return { cases: cases.map(({ id }) => results.get(id)!), rules };
}

function isMeasured({ expect }: Http2Case): boolean {
  return expect.some(({ bounded, handlers_max }) => bounded !== undefined || handlers_max !== undefined);
}

async function checkRules(
  server: ServerProcess,
  before: Holdings,
  memory: number,
): Promise<Results["rules"]> {
  return [
    { rule: "a process holds no more than before", failure: await server.leftOver(before) },
    { rule: `a process grew by less than ${memoryGrowth} MiB`, failure: grown(server, memory) },
    { rule: "a process runs on, without unhandled errors", failure: failed(() => server.checkRunning()) },
  ];
}

// ------------------------------------------------------------------------------------------------ one case

async function runCase(attack: Http2Case, server: ServerProcess): Promise<CaseResult> {
  const { id, ref, level } = attack;
  try {
    if (attack.expect.some(({ handlers_max }) => handlers_max !== undefined)) await noneRuns(server);
    using meter = await Meter.start({ expect: attack.expect.map(meterOf) }, server);
    const requests = (await server.stats()).get("requests")!;
    const satisfied = await attackOnce(attack, server);
    await checkHandlers(satisfied, server, requests);
    await server.checkAlive();
    await meter.check(meterOf(satisfied));
    return { id, ref, level, failure: null };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return { id, ref, level, failure: error.message };
  }
}

function meterOf({ bounded, handler_aborted, session_freed }: Expected): Expectation {
  const { rss_mb, cpu_ms } = (bounded ?? {}) as { rss_mb?: number; cpu_ms?: number };
  return {
    bounded: bounded === undefined ? undefined : { rssMb: rss_mb, cpuMs: cpu_ms },
    handlerAborted: handler_aborted === true || session_freed === true,
  };
}

async function attackOnce(attack: Http2Case, server: ServerProcess): Promise<Expected> {
  const start = performance.now();
  await using session = await Http2Session.open(server.port, attack.prologue);
  await within("the end of what is sent", perform(attack.steps, { session, attack }), stepsTime);
  if (JSON.stringify(attack.steps).includes(`"noread"`)) {
    if (attack.slow) await pass(notReading);
    session.connection.resume();
  }
  await settle(attack, session);
  const satisfied = await findSatisfied(attack.expect, session);
  const limit = satisfied["within_ms"];
  const took = session.connection.lastReceivedAt - start;
  assert(
    limit === undefined || took <= Number(limit),
    `it takes ${limit} ms at most, not ${took.toFixed(0)}`,
  );
  if (satisfied["alive"] === true) await server.checkAlive();
  return satisfied;
}

/** Waits until an alternative holds and nothing more comes, the connection ends, or the time is up. */
async function settle(attack: Http2Case, session: Http2Session): Promise<void> {
  const { connection } = session;
  const end = performance.now() + (attack.slow ? longPatience : patience);
  while (connection.ending === null && performance.now() < end) {
    const holds = attack.expect.some((expected) => judge(expected, session) === null);
    const quiet = performance.now() - connection.lastEventAt;
    if (holds && quiet >= quietTime) return;
    await connection.change(
      Math.max(1, Math.min(holds ? quietTime - quiet : patience, end - performance.now())),
    );
  }
}

/** The alternative that holds. One that asks for a further request is tried after those that do not. */
async function findSatisfied(expect: readonly Expected[], session: Http2Session): Promise<Expected> {
  const faults: string[] = [];
  const passive = expect.filter((one) => one["ok"] === undefined && one["ok_after"] === undefined);
  for (const expected of [...passive, ...expect.filter((one) => !passive.includes(one)), ...passive]) {
    const fault = judge(expected, session) ?? await followUp(expected, session);
    if (fault === null) return expected;
    faults.push(fault);
  }
  const frames = session.frames.slice(-8).map(({ type, flags, stream, payload }) =>
    `${type}/${flags}/${stream}/${
      [...payload.slice(0, 40)].map((byte) => String.fromCharCode(byte)).join("")
    }`
  );
  throw new Error(`${[...new Set(faults)].join("; or ")}; last frames: ${JSON.stringify(frames)}`);
}

/** "a GET / on the next stream of the same connection answers 200" */
async function followUp({ ok, ok_after }: Expected, session: Http2Session): Promise<string | null> {
  if (ok === undefined && ok_after === undefined) return null;
  if (ok_after !== undefined) {
    const steps = ok_after as readonly (JsonObject & { op: string })[];
    await perform(steps, { session, attack: { autoContinuation: false } as Http2Case });
  }
  const id = Math.max(-1, session.lastStream) + 2;
  session.lastStream = id;
  const fields = [0x82, 0x86, 0x84, 0x41, 1, 0x61]; // GET, http, /, :authority a
  await session.send(encodeFrame(1, 5, id, Uint8Array.from(fields)));
  const answered = await session.until(() => session.stream(id).heads.length > 0, patience);
  return answered && session.stream(id).heads[0]?.[0]?.[1] === "200"
    ? null
    : `a further request on stream ${id} gets 200`;
}

/** What the process tells of its handlers. */
async function checkHandlers(
  { handler_not_called, handler_calls, handlers_max, ok, ok_after }: Expected,
  server: ServerProcess,
  before: number,
): Promise<void> {
  const wanted = handler_not_called === true ? 0 : handler_calls;
  if (wanted !== undefined) {
    // the request for the figures itself, and the one that shows that the connection goes on
    const more = 1 + (ok === undefined && ok_after === undefined ? 0 : 1);
    const calls = (await server.stats()).get("requests")! - before - more;
    assert(calls === wanted, `the handler is called ${wanted} times, not ${calls}`);
  }
  if (handlers_max === undefined) return;
  const { handlerPeak } = await counters(server);
  assert(handlerPeak <= 100, `at most 100 handlers run at once, not ${handlerPeak}`);
}

async function counters(server: ServerProcess): Promise<{ handlerPeak: number; stubbornHandlers: number }> {
  const { body } = await server.request(
    "GET /counters HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    5_000,
  );
  return JSON.parse(body);
}

/** Waits until the handlers of the cases before have ended, which a reset does not end. */
async function noneRuns(server: ServerProcess): Promise<void> {
  while ((await counters(server)).stubbornHandlers > 0) await pass(50);
}
