/**
 * Mixed requests, handlers that misbehave, bytes that are no HTTP, and a stop.
 *
 * @module
 */

import type { Outcome, SoakCase } from "../case.ts";
import { counted } from "./expect.ts";

/** Fails when any of these was counted. */
function none(outcome: Outcome, ...answers: readonly string[]): (string | false)[] {
  return answers.map((answer) =>
    counted(outcome, answer) > 0 && `${counted(outcome, answer)} answers were ${answer}`
  );
}

function allRight(outcome: Outcome): (string | false)[] {
  return [
    ...none(outcome, "wrong", "cut", "unanswered", "refused"),
    counted(outcome, "right") === 0 && "no answer was right",
  ];
}

/** The cases. */
export const MIXED_CASES: readonly SoakCase[] = [
  {
    name: "mixed",
    about: "mixed requests over HTTP/1 and 2 on 40 connections, each answer checked",
    attack: "mixedRequests",
    scale: 40,
    expect: allRight,
  },
  {
    name: "mixed-tls",
    about: "the same over TLS",
    attack: "mixedRequests",
    scale: 40,
    tls: true,
    memory: 200,
    expect: allRight,
  },
  {
    name: "misdeeds",
    about: "handlers that misbehave in every way, over HTTP/1 and 2",
    attack: "misdeeds",
    scale: 4,
    expect: ({ answers }) =>
      Object.keys(answers).map((answer) => answer.startsWith("unanswered") && `a handler was ${answer}`),
  },
  {
    name: "fuzzed",
    about: "connections that send pieces of messages in any order, with bytes changed",
    attack: "fuzzed",
    scale: 8,
  },
  {
    name: "stop",
    about: "a stop under mixed requests, with 3 s for what runs",
    attack: "mixedRequests",
    scale: 40,
    stops: true,
    refuses: true,
    noLatency: "the server stops",
    expect: (outcome) => [
      !(outcome.stopped !== null && outcome.stopped < 4_000) && `stopping took ${outcome.stopped} ms`,
      ...none(outcome, "wrong", "cut"),
    ],
  },
];
