/** The bounds of the soak find what they are there to find. */

import { HttpServer, Response } from "../../mod.ts";
import { assertEquals } from "../support/assert.ts";
import type { ClientWindow, Outcome, Sample, SoakCase } from "./case.ts";
import { CASES } from "./cases/all.ts";
import { ATTACKS } from "./attacks/all.ts";
import { judge, STRICT } from "./judge.ts";
import { summarise } from "./latency.ts";

const QUIET: ClientWindow = { kept: summarise([1, 2]), fresh: summarise([2, 3]), lag: summarise([1]) };

const SAMPLE: Sample = {
  stats: new HttpServer(() => new Response()).stats,
  gauges: { waiting: 0, streams: 0, upstreams: 0, sockets: 0, tunnels: 0, kept: 0 },
  ...{ heap: 8, external: 1, stuck: 3, reports: 0, firstReports: [], unhandled: 0 },
  ...{ resident: 60, descriptors: 20, cpu: 100 },
};

const CASE: SoakCase = { name: "a", about: "a", attack: "a", scale: 1, memory: 50, heldPerPeer: 4 };

const GOOD: Outcome = {
  ...{ name: "a", seconds: 1, before: QUIET, control: QUIET, during: QUIET, after: QUIET },
  ...{ base: SAMPLE, held: { ...SAMPLE, heap: 9 }, rest: SAMPLE, peers: 1000, answers: {} },
  ...{ peak: { resident: 90, descriptors: 30, clients: 10 }, cpu: { server: 0.5, attacker: 0.5 } },
  ...{ stuck: 5, silent: 5, lastClients: 2, settled: 10, stopped: null },
};

Deno.test("an outcome that keeps all bounds has no faults", () => {
  assertEquals(judge(CASE, GOOD, STRICT), []);
});

const SLOW: ClientWindow = { ...QUIET, kept: summarise([1, 26]) };

for (
  const [name, change, fault] of [
    [
      "slow answers",
      { during: SLOW },
      "a normal client's p99 was 26 ms on kept connections, of 25 ms allowed",
    ],
    [
      "failures",
      { during: { ...QUIET, fresh: summarise([1, 1], 2) } },
      "2 of 2 requests of a normal client failed on fresh connections",
    ],
    [
      "resident memory",
      { peak: { ...GOOD.peak, resident: 120 } },
      "the server grew by 60 MiB, of 50 allowed",
    ],
    [
      "heap that peers hold",
      { held: { ...SAMPLE, heap: 13 } },
      "each of 1000 held 5.1 KiB, of 4 allowed",
    ],
    [
      "clients that stay",
      { settled: Infinity, rest: { ...SAMPLE, stats: { ...SAMPLE.stats, clients: 3 } } },
      "left behind: 3 clients",
    ],
    [
      "descriptors that stay",
      { settled: Infinity, rest: { ...SAMPLE, descriptors: 27 } },
      "left behind: 7 descriptors",
    ],
    ["a leak", { rest: { ...SAMPLE, heap: 20 } }, "12.0 MiB of heap did not come back"],
    [
      "unhandled errors",
      { rest: { ...SAMPLE, unhandled: 2, firstReports: ["TypeError: x"] } },
      "2 errors were not handled: TypeError: x",
    ],
  ] as const
) {
  Deno.test(`the bounds find ${name}`, () => {
    assertEquals(judge(CASE, { ...GOOD, ...change }, STRICT), [fault]);
  });
}

Deno.test("latencies that a machine shows without an attack are no fault of the server", () => {
  assertEquals(
    judge(CASE, { ...GOOD, during: SLOW, control: { ...QUIET, kept: summarise([6]) } }, STRICT),
    [],
  );
  assertEquals(judge(CASE, { ...GOOD, during: { ...SLOW, lag: summarise([6]) } }, STRICT), []);
});

Deno.test("a percentile is the nearest rank, and few times have their longest as the 99th", () => {
  const times = Array.from({ length: 200 }, (_, index) => 200 - index);
  assertEquals(summarise(times), { count: 200, failures: 0, p50: 100, p99: 198, max: 200 });
  assertEquals(summarise([3, 1, 2]).p99, 3);
});

Deno.test("each case has a name of its own and an attack that exists", () => {
  const names = CASES.map(({ name }) => name);
  assertEquals(names.length, new Set(names).size);
  assertEquals(CASES.filter(({ attack }) => ATTACKS[attack] === undefined), []);
});
