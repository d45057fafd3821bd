/**
 * The HTTP/2 cases of the corpus (`attacks.json`, whose head documents the fields). What is not understood fails loudly.
 *
 * @module
 */

/** A value of JSON. */
export type Json = string | number | boolean | null | readonly Json[] | JsonObject;

/** An object of JSON. */
export interface JsonObject {
  readonly [name: string]: Json;
}

/** One step of a case: what it does is in `op`. */
export interface Step extends JsonObject {
  readonly op: string;
}

/** One thing that is expected: its members hold together. */
export type Expected = JsonObject;

/** One case of HTTP/2. */
export interface Http2Case {
  readonly id: string;
  readonly ref: string;
  readonly level: "must" | "should";
  readonly profile: string;
  readonly slow: boolean;
  /** Whether preface and SETTINGS are exchanged before the steps. */
  readonly prologue: boolean;
  /** Whether a field block that is too large for a frame is split. */
  readonly autoContinuation: boolean;
  readonly steps: readonly Step[];
  /** The alternatives, each complete: one of them must hold. */
  readonly expect: readonly Expected[];
}

const KNOWN_KEYS = new Set([
  ...["id", "proto", "group", "level", "basis", "ref", "note", "prefer", "profile", "slow"],
  ...["prologue", "auto_continuation", "steps", "expect"],
]);

const KNOWN_OPS = new Set([
  ...[
    "preface",
    "settings",
    "headers",
    "continuation",
    "data",
    "frame",
    "raw",
    "window_update",
    "rst_stream",
  ],
  ...[
    "priority",
    "goaway",
    "repeat",
    "bytewise",
    "sleep",
    "await",
    "noread",
    "hpack_refs",
    "continuation_flood",
  ],
  ...["oversize_then_ref", "data_over_conn_window"],
]);

/** What an expectation may say. */
export const KNOWN_EXPECTATIONS: ReadonlySet<string> = new Set([
  ...["conn_error", "stream_error", "stream_error_any", "response", "responses", "no_response", "rst", "ok"],
  ...[
    "ok_after",
    "open_stream",
    "open_conn",
    "closed",
    "h1_status",
    "frame_seen",
    "frame_not_seen",
    "data_bytes",
  ],
  ...["max_data_frame", "first_data_frame_max", "refused_some", "resp_headers_absent"],
  ...[
    "resp_header_names_lowercase",
    "codes_if_goaway",
    "handler_not_called",
    "handler_calls",
    "handlers_max",
  ],
  ...["session_freed", "only_if", "any_of", "bounded", "within_ms", "handler_aborted", "alive"],
]);

/** The HTTP/2 cases of a corpus. */
export function parseHttp2Cases(text: string): readonly Http2Case[] {
  const { cases } = JSON.parse(text) as { cases: readonly JsonObject[] };
  return cases.filter(({ proto }) => proto === "h2").map(parseCase);
}

function parseCase(value: JsonObject): Http2Case {
  const { id, ref, level, profile = "default", slow = false, prologue = true } = value;
  checkNames(Object.keys(value), KNOWN_KEYS, `${id}: a key`);
  if (level !== "must" && level !== "should") throw new TypeError(`${id}: level ${level}`);
  const steps = value["steps"] as readonly Step[];
  checkSteps(steps, String(id));
  const { any_of: anyOf, ...common } = value["expect"] as JsonObject;
  const alternatives = (anyOf as readonly JsonObject[] | undefined ?? [{}]).map((one) => ({
    ...common,
    ...one,
  }));
  for (const one of alternatives) checkNames(Object.keys(one), KNOWN_EXPECTATIONS, `${id}: an expectation`);
  return {
    id: String(id),
    ref: String(ref),
    level,
    profile: String(profile),
    slow: slow === true,
    prologue: prologue === true,
    autoContinuation: value["auto_continuation"] === true,
    steps,
    expect: alternatives,
  };
}

function checkSteps(steps: readonly Step[], id: string): void {
  checkNames(steps.map(({ op }) => op), KNOWN_OPS, `${id}: a step`);
  for (const { steps: inner } of steps) if (inner !== undefined) checkSteps(inner as readonly Step[], id);
}

function checkNames(names: readonly string[], known: ReadonlySet<string>, what: string): void {
  const unknown = names.filter((name) => !known.has(name));
  if (unknown.length > 0) throw new TypeError(`${what} is not known: ${unknown.join(", ")}`);
}
