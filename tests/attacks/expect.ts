/**
 * What a case expects against what its connection showed. Every expectation of the corpus has one function here that
 * gives the reason why it does not hold, or `null`.
 *
 * @module
 */

import type { BodyRule, Expectation, FieldRule, InfoRule } from "./corpus.ts";
import type { RawConnection } from "./raw_connection.ts";
import { fieldOf, readResponses, type SeenResponse, type SeenResponses } from "./responses.ts";

/** What a case's connection showed so far. */
export interface Observation extends SeenResponses {
  readonly received: string;
  /** Whether the server has ended its side or reset the connection. */
  readonly closed: boolean;
  /** Milliseconds from the first write to the end, or to the last byte where there is no end yet. */
  readonly elapsed: number;
  /** Whether the server takes no more bytes. */
  readonly refuses: boolean;
  /** Whether closing may stand for the responses after the first. */
  readonly relaxedClose: boolean;
}

/** Why an expectation does not hold, or `null`. */
type Verdict = string | null;

/** What a connection shows at this moment. */
export function observe(
  connection: RawConnection,
  { methods, relaxedClose }: { readonly methods: readonly string[]; readonly relaxedClose: boolean },
): Observation {
  const { received, ending, lastReceivedAt, firstWriteAt, refusedAt } = connection;
  return {
    ...readResponses(received, { methods, ended: ending === "end" }),
    received,
    closed: ending !== null,
    elapsed: Math.max(0, Math.max(lastReceivedAt, refusedAt ?? 0) - firstWriteAt),
    refuses: refusedAt !== null || ending === "reset",
    relaxedClose,
  };
}

/**
 * Why an expectation does not hold of what was seen, or `null` when it does. What needs more than the bytes (`open`,
 * `then`, `bounded`, `handlerAborted`, `alive`) is the runner's.
 */
export function judge(expectation: Expectation, seen: Observation): Verdict {
  for (const check of checks) {
    const verdict = check(expectation, seen);
    if (verdict !== null) return `${verdict}; got ${describe(seen)}`;
  }
  return null;
}

/** What was seen, in one line. */
export function describe(seen: Observation): string {
  const statuses = seen.final.map(({ status, complete }) => complete ? `${status}` : `${status} cut short`);
  const ending = seen.closed ? "then closed" : "still open";
  const start = JSON.stringify(seen.received.slice(0, 120));
  return `[${statuses.join(", ")}] ${ending} after ${Math.round(seen.elapsed)} ms: ${start}`;
}

type Check = (expectation: Expectation, seen: Observation) => Verdict;

const checks: readonly Check[] = [
  checkStatus,
  checkResponses,
  checkCounts,
  checkInterim,
  checkEnd,
  checkTime,
  checkFields,
  checkBodies,
  checkInfo,
  checkRaw,
];

function checkStatus({ status, nostatus, allStatus, mustReceive }: Expectation, seen: Observation): Verdict {
  const [first] = seen.final;
  if (mustReceive && !first?.complete) return "expected a complete response";
  if (allStatus !== undefined && !seen.final.every((response) => allStatus.includes(response.status))) {
    return `expected only ${allStatus.join(", ")}`;
  }
  if (status === undefined || first !== undefined && status.includes(first.status)) return null;
  if (first === undefined && nostatus && seen.closed && seen.received === "") return null;
  return `expected a status of ${status.join(", ")}${nostatus ? " or a close without one" : ""}`;
}

function checkResponses({ responses }: Expectation, seen: Observation): Verdict {
  if (responses === undefined) return null;
  const enough = seen.relaxedClose && seen.closed ? Math.min(1, responses.length) : responses.length;
  if (seen.final.length < enough || seen.final.length > responses.length) {
    return `expected ${responses.length} responses`;
  }
  const wrong = seen.final.findIndex(({ status, complete }, index) =>
    !complete || !(responses[index] ?? []).includes(status)
  );
  return wrong < 0
    ? null
    : `expected response ${wrong + 1} to be one of ${responses[wrong]?.join(", ")}, complete`;
}

function checkCounts(expectation: Expectation, seen: Observation): Verdict {
  const { countResponses, minResponses, maxResponses, notSecond, noOutput } = expectation;
  const count = seen.final.length;
  if (notSecond && (count > 1 || seen.rest.includes("HTTP/1."))) return "expected no second response";
  if (noOutput && seen.received !== "") return "expected no output";
  if (countResponses !== undefined && count !== countResponses) return `expected ${countResponses} responses`;
  if (count < (minResponses ?? 0)) return `expected ${minResponses} responses or more`;
  if (count > (maxResponses ?? Infinity)) return `expected ${maxResponses} responses at most`;
  return null;
}

function checkInterim({ interim, noInterim }: Expectation, seen: Observation): Verdict {
  if (noInterim && seen.interim.length > 0) {
    return `expected no interim response, got ${seen.interim.join(", ")}`;
  }
  if (interim !== undefined && `${interim}` !== `${seen.interim}`) {
    return `expected the interim responses [${interim.join(", ")}], got [${seen.interim.join(", ")}]`;
  }
  return null;
}

function checkEnd({ close, cutOff }: Expectation, seen: Observation): Verdict {
  if (close && !seen.closed) return "expected the connection to be closed";
  if (cutOff && !seen.refuses) return "expected the server to take no more bytes";
  return null;
}

function checkTime({ withinMs }: Expectation, seen: Observation): Verdict {
  return seen.elapsed > (withinMs ?? Infinity) ? `expected the end within ${withinMs} ms` : null;
}

function checkFields({ headers, firstHeaders, lastHeaders }: Expectation, { final }: Observation): Verdict {
  const [first] = final;
  const last = final.at(-1);
  return checkRules(headers, first) ??
    (first !== undefined && first.status >= 500 ? null : checkRules(firstHeaders, first)) ??
    checkRules(lastHeaders, last);
}

function checkRules(rules: ReadonlyMap<string, FieldRule> | undefined, response?: SeenResponse): Verdict {
  for (const [name, rule] of rules ?? []) {
    if (response === undefined) return `expected a response with ${name}`;
    const verdict = checkRule(name.toLowerCase(), rule, response);
    if (verdict !== null) return verdict;
  }
  return null;
}

function checkRule(name: string, rule: FieldRule, response: SeenResponse): Verdict {
  const value = fieldOf(response, name);
  if (rule.present === true && value === undefined) return `expected ${name}`;
  if (rule.absent === true && value !== undefined) return `expected no ${name}, got ${value}`;
  if (rule.matches !== undefined && !(value !== undefined && rule.matches.test(value))) {
    return `expected ${name} to match ${rule.matches}, got ${value}`;
  }
  if (rule.equalsOrAbsent !== undefined && value !== undefined && value !== rule.equalsOrAbsent) {
    return `expected ${name} to be ${rule.equalsOrAbsent} or absent, got ${value}`;
  }
  return null;
}

function checkBodies(expectation: Expectation, { final }: Observation): Verdict {
  const { body, firstBody, bodiesContain, wireBodyMax } = expectation;
  const missing = bodiesContain?.findIndex((part, index) => !final[index]?.body.includes(part)) ?? -1;
  if (missing >= 0) return `expected body ${missing + 1} to contain ${bodiesContain?.[missing]}`;
  const length = final[0]?.wireLength ?? 0;
  if (length > (wireBodyMax ?? Infinity)) return `expected ${wireBodyMax} bytes of body, got ${length}`;
  return checkBody(body, final[0]) ?? checkBody(firstBody, final[0]);
}

function checkBody(rule: BodyRule | undefined, response?: SeenResponse): Verdict {
  if (rule === undefined) return null;
  if (response === undefined || !response.complete) return "expected a complete body";
  const { body } = response;
  if (rule.equals !== undefined && body !== rule.equals) {
    return `expected the body ${JSON.stringify(rule.equals)}, got ${JSON.stringify(body.slice(0, 100))}`;
  }
  if (rule.length !== undefined && body.length !== rule.length) {
    return `expected a body of ${rule.length} bytes, got ${body.length}`;
  }
  return null;
}

/** What `/info` says, as far as it can be believed. */
interface Info {
  readonly texts: ReadonlyMap<string, unknown>;
  readonly headers: readonly (readonly [name: string, value: string])[];
}

function parseInfo(json: string): Info | null {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(Uint8Array.from(json, (char) => char.charCodeAt(0))));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  if (typeof value !== "object" || value === null || !("headers" in value)) return null;
  const { headers } = value;
  if (!Array.isArray(headers)) return null;
  return {
    texts: new Map(Object.entries(value)),
    headers: headers.map((pair) => [String(pair[0]).toLowerCase(), String(pair[1])]),
  };
}

function checkInfo({ info: rule }: Expectation, { final }: Observation): Verdict {
  if (rule === undefined) return null;
  const info = parseInfo(final[0]?.body ?? "");
  if (info === null) return "expected the JSON of /info";
  for (const name of ["method", "target", "path", "host", "body"] as const) {
    if (rule[name] !== undefined && info.texts.get(name) !== rule[name]) {
      return `expected the ${name} ${JSON.stringify(rule[name])}, got ${
        JSON.stringify(info.texts.get(name))
      }`;
    }
  }
  return checkInfoFields(rule, info);
}

function checkInfoFields(rule: InfoRule, { headers }: Info): Verdict {
  const joined = (name: string) =>
    headers.filter(([other]) => other === name.toLowerCase()).map(([, value]) => value).join(", ");
  const has = (name: string) => headers.some(([other]) => other === name.toLowerCase());
  for (const [name, value] of rule.header) {
    if (!has(name) || joined(name) !== value) {
      return `expected the handler to see ${name}: ${JSON.stringify(value)}, got ${
        JSON.stringify(joined(name))
      }`;
    }
  }
  for (const [name, value] of rule.headerMatches) {
    if (!has(name) || !value.test(joined(name))) {
      return `expected ${name} to match ${value}, got ${joined(name)}`;
    }
  }
  const present = rule.headerAbsent.find(has);
  if (present !== undefined) return `expected the handler not to see ${present}`;
  const [trailer, value] = (rule.trailerNotInHeaders ?? "").split(": ", 2);
  const merged = headers.some(([name, other]) => name === trailer?.toLowerCase() && other === value);
  return merged ? `expected ${trailer} of the trailers not to be among the headers` : null;
}

function checkRaw(
  { rawNotContains, rawNotEndsWith, rawMatches }: Expectation,
  { received }: Observation,
): Verdict {
  const found = rawNotContains?.find((part) => received.includes(part));
  if (found !== undefined) return `expected not to receive ${JSON.stringify(found)}`;
  if (rawNotEndsWith !== undefined && received.endsWith(rawNotEndsWith)) {
    return `expected not to end with ${JSON.stringify(rawNotEndsWith)}`;
  }
  if (rawMatches !== undefined && !rawMatches.test(received)) return `expected to match ${rawMatches}`;
  return null;
}
