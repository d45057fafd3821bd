/**
 * The attack corpus as typed values. `attacks.json` says in its head what every field means; a field, step or
 * expectation that is not known here is a {@link CorpusError}, so that nothing is skipped in silence.
 *
 * @module
 */

import { latin1 } from "../support/bytes.ts";

/** The corpus says something that this runner does not understand. */
export class CorpusError extends Error {
  /** @inheritdoc */
  override readonly name = "CorpusError";
}

/** One step of what a case sends. */
export type Step =
  | { readonly kind: "write"; readonly bytes: Uint8Array }
  | { readonly kind: "split"; readonly bytes: Uint8Array }
  | { readonly kind: "sleep"; readonly ms: number }
  | { readonly kind: "wait"; readonly what: "response" | "interim_or_final" }
  | { readonly kind: "fin" }
  | { readonly kind: "rst" }
  | { readonly kind: "drip"; readonly bytes: Uint8Array; readonly ms: number }
  | {
    readonly kind: "flood";
    readonly first: Uint8Array;
    readonly repeated: Uint8Array;
    readonly maxBytes: number;
    readonly noRead: boolean;
    readonly paceMs: number;
  }
  | { readonly kind: "noRead"; readonly ms: number }
  | { readonly kind: "readRate"; readonly bytesPerSecond: number; readonly ms: number };

/** What a field of a response must be like. */
export interface FieldRule {
  readonly present?: boolean | undefined;
  readonly absent?: boolean | undefined;
  readonly matches?: RegExp | undefined;
  readonly equalsOrAbsent?: string | undefined;
}

/** What a body must be like. */
export interface BodyRule {
  readonly equals?: string | undefined;
  readonly length?: number | undefined;
}

/** What the fixture's `/info` must say it received. */
export interface InfoRule {
  readonly method?: string | undefined;
  readonly target?: string | undefined;
  readonly path?: string | undefined;
  readonly host?: string | undefined;
  readonly body?: string | undefined;
  readonly header: ReadonlyMap<string, string>;
  readonly headerMatches: ReadonlyMap<string, RegExp>;
  readonly headerAbsent: readonly string[];
  readonly trailerNotInHeaders?: string | undefined;
}

/** What a case expects; a member that is absent asks for nothing. */
export interface Expectation {
  readonly status?: readonly number[] | undefined;
  readonly responses?: readonly (readonly number[])[] | undefined;
  readonly countResponses?: number | undefined;
  readonly minResponses?: number | undefined;
  readonly maxResponses?: number | undefined;
  readonly allStatus?: readonly number[] | undefined;
  readonly nostatus?: boolean | undefined;
  readonly noOutput?: boolean | undefined;
  readonly close?: boolean | undefined;
  readonly open?: boolean | undefined;
  readonly notSecond?: boolean | undefined;
  readonly headers?: ReadonlyMap<string, FieldRule> | undefined;
  readonly firstHeaders?: ReadonlyMap<string, FieldRule> | undefined;
  readonly lastHeaders?: ReadonlyMap<string, FieldRule> | undefined;
  readonly body?: BodyRule | undefined;
  readonly firstBody?: BodyRule | undefined;
  readonly bodiesContain?: readonly string[] | undefined;
  readonly info?: InfoRule | undefined;
  readonly interim?: readonly number[] | undefined;
  readonly noInterim?: boolean | undefined;
  readonly rawNotContains?: readonly string[] | undefined;
  readonly rawNotEndsWith?: string | undefined;
  readonly rawMatches?: RegExp | undefined;
  readonly wireBodyMax?: number | undefined;
  readonly mustReceive?: boolean | undefined;
  readonly then?: { readonly send: readonly Step[]; readonly responses: readonly (readonly number[])[] };
  readonly withinMs?: number | undefined;
  readonly bounded?: { readonly rssMb?: number | undefined; readonly cpuMs?: number | undefined } | undefined;
  readonly handlerAborted?: boolean | undefined;
  readonly alive?: boolean | undefined;
  readonly cutOff?: boolean | undefined;
}

/** One case of HTTP/1. */
export interface AttackCase {
  readonly id: string;
  readonly ref: string;
  readonly group: string;
  readonly level: "must" | "should";
  readonly profile: string;
  readonly slow: boolean;
  readonly heavy: boolean;
  readonly relaxedClose: boolean;
  /** The methods of the requests, which responses are parsed by; `GET` where the list ends. */
  readonly methods: readonly string[];
  readonly send: readonly Step[];
  /** The alternatives, each complete: one of them must hold. */
  readonly expect: readonly Expectation[];
  /** Stands for `smuggled` in everything that the case sends, so that one server's log tells the cases apart. */
  readonly tag: string;
}

/** The limits a case runs under, as the corpus names them. */
export type Profile = ReadonlyMap<string, string | number | boolean>;

/** What is needed of the corpus to attack an HTTP/1 server. */
export interface Corpus {
  readonly profiles: ReadonlyMap<string, Profile>;
  readonly cases: readonly AttackCase[];
}

/** Reads the corpus beside this file. */
export async function loadCorpus(): Promise<Corpus> {
  return parseCorpus(await Deno.readTextFile(new URL("./attacks.json", import.meta.url)));
}

/** The HTTP/1 part of a corpus. */
export function parseCorpus(text: string): Corpus {
  const head = new Shape(JSON.parse(text), "the corpus");
  const profiles = new Map<string, Profile>();
  for (const [name, value] of Object.entries(head.record("profiles"))) {
    profiles.set(name, parseProfile(value, `profile ${name}`));
  }
  const own = head.array("cases").filter((value) => new Shape(value, "a case").text("proto") === "h1");
  const cases = own.map((value, index) => parseCase(value, index));
  const ids = new Set(cases.map(({ id }) => id));
  if (ids.size !== cases.length) throw new CorpusError("two cases have one id");
  for (const { id, profile } of cases) {
    if (!profiles.has(profile)) throw new CorpusError(`${id} asks for an unknown profile ${profile}`);
  }
  return { profiles, cases };
}

function parseProfile(value: unknown, where: string): Profile {
  const limits = new Map<string, string | number | boolean>();
  for (const [name, limit] of Object.entries(record(value, where))) {
    if (typeof limit !== "string" && typeof limit !== "number" && typeof limit !== "boolean") {
      throw new CorpusError(`${where}: ${name} is no limit`);
    }
    if (name !== "note") limits.set(name, limit);
  }
  return limits;
}

/** As long as `smuggled`, since lengths on the wire count it. */
function tagOf(index: number): string {
  return `smg${index.toString(36).padStart(5, "0")}`;
}

function parseCase(value: unknown, index: number): AttackCase {
  const tag = tagOf(index);
  const plain = new Shape(value, "a case");
  const id = plain.text("id");
  const shape = new Shape(JSON.parse(JSON.stringify(value).replaceAll("smuggled", tag)), id);
  shape.forget("id", "proto", "basis", "note", "prefer");
  const level = shape.text("level");
  if (level !== "must" && level !== "should") throw new CorpusError(`${id}: level ${level}`);
  const parsed = {
    id,
    tag,
    level,
    ref: shape.text("ref"),
    group: shape.text("group"),
    profile: shape.optional("profile", text) ?? "default",
    slow: shape.optional("slow", boolean) ?? false,
    heavy: shape.optional("heavy", boolean) ?? false,
    relaxedClose: shape.optional("relaxed_close", boolean) ?? false,
    methods: shape.optional("methods", listOf(text)) ?? [],
    send: shape.array("send").map((step) => parseStep(step, id)),
    expect: parseAlternatives(shape.record("expect"), id),
  } as const;
  shape.end();
  return parsed;
}

// ------------------------------------------------------------------------------------------------ steps

type StepParser = (shape: Shape) => Step;

/** Every step that is an object, by the key that names it. */
const stepParsers: Readonly<Record<string, StepParser>> = {
  rep: (shape) => ({ kind: "write", bytes: latin1(shape.text("rep").repeat(shape.number("n"))) }),
  split: (shape) => ({ kind: "split", bytes: latin1(shape.text("split")) }),
  sleep: (shape) => ({ kind: "sleep", ms: shape.number("sleep") }),
  wait: (shape) => ({ kind: "wait", what: waitFor(shape) }),
  drip: (shape) => ({ kind: "drip", bytes: latin1(shape.text("drip")), ms: shape.number("ms") }),
  no_read_ms: (shape) => ({ kind: "noRead", ms: shape.number("no_read_ms") }),
  read_rate: (shape) => ({
    kind: "readRate",
    bytesPerSecond: shape.number("read_rate"),
    ms: shape.number("for_ms"),
  }),
  fin: (shape) => (shape.yes("fin"), { kind: "fin" }),
  rst: (shape) => (shape.yes("rst"), { kind: "rst" }),
  flood: (shape) => ({
    kind: "flood",
    first: latin1(shape.text("flood")),
    repeated: latin1(shape.text("rep")),
    maxBytes: shape.number("max_bytes"),
    noRead: shape.optional("no_read", boolean) ?? false,
    paceMs: shape.optional("pace_ms", number) ?? 0,
  }),
};

function waitFor(shape: Shape): "response" | "interim_or_final" {
  const what = shape.text("wait");
  if (what !== "response" && what !== "interim_or_final") throw shape.error(`waits for ${what}`);
  return what;
}

function parseStep(value: unknown, id: string): Step {
  if (typeof value === "string") return { kind: "write", bytes: latin1(value) };
  const shape = new Shape(value, `${id}, a step`);
  // A flood has a `rep` as well, so it is looked for first.
  const name = ["flood", ...Object.keys(stepParsers)].find((key) => shape.has(key));
  const parser = stepParsers[name ?? ""];
  if (parser === undefined) throw shape.error(`is unknown: ${JSON.stringify(value)}`);
  const step = parser(shape);
  shape.end();
  return step;
}

// ------------------------------------------------------------------------------------------------ expectations

/** Reminds of what every case of this kind is about, and is checked by the runner for all of them anyway. */
function parseAlternatives(expect: Readonly<Record<string, unknown>>, id: string): readonly Expectation[] {
  const { any_of: anyOf, ...common } = expect;
  if (anyOf === undefined) return [parseExpectation(common, id)];
  const alternatives = listOf(identity)(anyOf, `${id}, any_of`);
  return alternatives.map((alternative) => parseExpectation({ ...common, ...record(alternative, id) }, id));
}

function parseExpectation(value: Readonly<Record<string, unknown>>, id: string): Expectation {
  const shape = new Shape(value, `${id}, its expectation`);
  const parsed: Expectation = {
    ...parseCounts(shape),
    ...parseConnection(shape),
    ...parseMessages(shape),
    ...parseRaw(shape),
    ...parseEffects(shape),
  };
  const then = shape.optional("then", (inner, where) => parseThen(inner, where));
  shape.end();
  return then === undefined ? parsed : { ...parsed, then };
}

function parseCounts(shape: Shape): Expectation {
  return {
    status: shape.optional("status", listOf(number)),
    responses: shape.optional("responses", listOf(listOf(number))),
    countResponses: shape.optional("count_responses", number),
    minResponses: shape.optional("min_responses", number),
    maxResponses: shape.optional("max_responses", number),
    allStatus: shape.optional("all_status", listOf(number)),
    notSecond: shape.optional("not_second", boolean),
    nostatus: shape.optional("nostatus", boolean),
    interim: shape.optional("interim", listOf(number)),
    noInterim: shape.optional("no_interim", boolean),
  };
}

function parseConnection(shape: Shape): Expectation {
  return {
    noOutput: shape.optional("no_output", boolean),
    close: shape.optional("close", boolean),
    open: shape.optional("open", boolean),
    mustReceive: shape.optional("must_receive", boolean),
    withinMs: shape.optional("within_ms", number),
    cutOff: shape.optional("cut_off", boolean),
  };
}

function parseMessages(shape: Shape): Expectation {
  return {
    headers: shape.optional("headers", mapOf(fieldRule)),
    firstHeaders: shape.optional("first_headers", mapOf(fieldRule)),
    lastHeaders: shape.optional("last_headers", mapOf(fieldRule)),
    body: shape.optional("body", bodyRule),
    firstBody: shape.optional("first_body", bodyRule),
    bodiesContain: shape.optional("bodies_contain", listOf(text)),
    info: shape.optional("info", infoRule),
  };
}

function parseRaw(shape: Shape): Expectation {
  return {
    rawNotContains: shape.optional("raw_not_contains", listOf(text)),
    rawNotEndsWith: shape.optional("raw_not_ends_with", text),
    rawMatches: shape.optional("raw_matches", pattern),
    wireBodyMax: shape.optional("wire_body_max", number),
  };
}

function parseEffects(shape: Shape): Expectation {
  return {
    bounded: shape.optional("bounded", bounds),
    handlerAborted: shape.optional("handler_aborted", boolean),
    alive: shape.optional("alive", boolean),
  };
}

function parseThen(value: unknown, where: string): NonNullable<Expectation["then"]> {
  const shape = new Shape(value, where);
  const then = {
    send: shape.array("send").map((step) => parseStep(step, where)),
    responses: listOf(listOf(number))(shape.take("responses"), where),
  };
  shape.end();
  return then;
}

function bounds(value: unknown, where: string): NonNullable<Expectation["bounded"]> {
  const shape = new Shape(value, where);
  const limits = { rssMb: shape.optional("rss_mb", number), cpuMs: shape.optional("cpu_ms", number) };
  shape.end();
  return limits;
}

function fieldRule(value: unknown, where: string): FieldRule {
  const shape = new Shape(value, where);
  const rule = {
    present: shape.optional("present", boolean),
    absent: shape.optional("absent", boolean),
    matches: shape.optional("matches", pattern),
    equalsOrAbsent: shape.optional("equals_or_absent", text),
  };
  shape.end();
  return rule;
}

function bodyRule(value: unknown, where: string): BodyRule {
  if (typeof value === "string") return { equals: value };
  const shape = new Shape(value, where);
  const rule = { equals: shape.optional("equals", text), length: shape.optional("length", number) };
  shape.end();
  return rule;
}

function infoRule(value: unknown, where: string): InfoRule {
  const shape = new Shape(value, where);
  const rule = {
    method: shape.optional("method", text),
    target: shape.optional("target", text),
    path: shape.optional("path", text),
    host: shape.optional("host", text),
    body: shape.optional("body", text),
    header: shape.optional("header", mapOf(text)) ?? new Map(),
    headerMatches: shape.optional("header_matches", mapOf(pattern)) ?? new Map(),
    headerAbsent: shape.optional("header_absent", listOf(text)) ?? [],
    trailerNotInHeaders: shape.optional("trailer_not_in_headers", text),
  };
  shape.end();
  return rule;
}

// ------------------------------------------------------------------------------------------------ JSON by its shape

type Parse<T> = (value: unknown, where: string) => T;

/** An object of which every member must be asked for. */
class Shape {
  readonly #members: Map<string, unknown>;
  readonly #where: string;

  constructor(value: unknown, where: string) {
    this.#members = new Map(Object.entries(record(value, where)));
    this.#where = where;
  }

  has(key: string): boolean {
    return this.#members.has(key);
  }

  take(key: string): unknown {
    const value = this.#members.get(key);
    this.#members.delete(key);
    return value;
  }

  optional<T>(key: string, parse: Parse<T>): T | undefined {
    return this.has(key) ? parse(this.take(key), `${this.#where}, ${key}`) : undefined;
  }

  text(key: string): string {
    return text(this.take(key), `${this.#where}, ${key}`);
  }

  number(key: string): number {
    return number(this.take(key), `${this.#where}, ${key}`);
  }

  array(key: string): readonly unknown[] {
    return listOf(identity)(this.take(key), `${this.#where}, ${key}`);
  }

  record(key: string): Readonly<Record<string, unknown>> {
    return record(this.take(key), `${this.#where}, ${key}`);
  }

  /** A member that can only be `true`. */
  yes(key: string): void {
    if (this.take(key) !== true) throw this.error(`has a ${key} that is not true`);
  }

  /** Members that say nothing to a runner. */
  forget(...keys: readonly string[]): void {
    for (const key of keys) this.#members.delete(key);
  }

  /** Fails when something was not asked for. */
  end(): void {
    if (this.#members.size > 0) throw this.error(`has unknown keys: ${[...this.#members.keys()].join(", ")}`);
  }

  error(what: string): CorpusError {
    return new CorpusError(`${this.#where} ${what}`);
  }
}

function identity(value: unknown): unknown {
  return value;
}

function record(value: unknown, where: string): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new CorpusError(`${where} is no object`);
  }
  return { ...value };
}

function text(value: unknown, where: string): string {
  if (typeof value !== "string") throw new CorpusError(`${where} is no string`);
  return value;
}

function number(value: unknown, where: string): number {
  if (typeof value !== "number") throw new CorpusError(`${where} is no number`);
  return value;
}

function boolean(value: unknown, where: string): boolean {
  if (typeof value !== "boolean") throw new CorpusError(`${where} is neither true nor false`);
  return value;
}

/** A regular expression, of which `(?i)` in front makes case irrelevant. */
function pattern(value: unknown, where: string): RegExp {
  const source = text(value, where);
  return source.startsWith("(?i)") ? new RegExp(source.slice(4), "i") : new RegExp(source);
}

function listOf<T>(parse: Parse<T>): Parse<readonly T[]> {
  return (value, where) => {
    if (!Array.isArray(value)) throw new CorpusError(`${where} is no list`);
    return value.map((item) => parse(item, where));
  };
}

function mapOf<T>(parse: Parse<T>): Parse<ReadonlyMap<string, T>> {
  return (value, where) =>
    new Map(Object.entries(record(value, where)).map(([key, item]) => [key, parse(item, where)]));
}
