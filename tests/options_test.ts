/** The options: their values, what is allowed, what is said otherwise, and inheritance. */

import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { TokenBucket } from "../base/token_bucket.ts";
import { defaultOptions, type Options, type OptionsInit, resolveOptions } from "../options.ts";

const TIME = 2_147_483_647;
const LARGEST = Number.MAX_SAFE_INTEGER;

/** What stands for a limit that is absent; `null` where it is always there. */
type None = number | null;

/** Each number's least and greatest value. */
const RANGES: readonly (readonly [name: keyof Options, least: number, greatest: number, none: None])[] = [
  ["connectionLimit", 1, LARGEST, Infinity],
  ["connectionsPerIpLimit", 1, LARGEST, Infinity],
  ["handlerLimit", 1, LARGEST, Infinity],
  ["handlerQueueLimit", 0, LARGEST, Infinity],
  ["handlerQueueTimeout", 1, TIME, Infinity],
  ["tlsSetupTimeout", 1, TIME, Infinity],
  ["headerTimeout", 1, TIME, Infinity],
  ["http1Timeout", 1, TIME, Infinity],
  ["http2Timeout", 1, TIME, Infinity],
  ["streamTimeout", 1, TIME, Infinity],
  ["minimumBodyRateGrace", 1, TIME, Infinity],
  ["shutdownTimeout", 0, TIME, Infinity],
  ["headerSizeLimit", 1, 2 ** 32 - 1, null],
  ["headerCountLimit", 1, LARGEST, null],
  ["targetSizeLimit", 1, LARGEST, null],
  ["trailerSizeLimit", 1, LARGEST, null],
  ["chunkLineSizeLimit", 1, LARGEST, null],
  ["chunkOverheadLimit", 1, LARGEST, null],
  ["drainLimit", 0, LARGEST, Infinity],
  ["lingerTimeout", 0, TIME, Infinity],
  ["bodySizeLimit", 0, LARGEST, Infinity],
  ["requestLimit", 1, LARGEST, Infinity],
  ["concurrentStreamLimit", 1, 2 ** 32 - 1, null],
  ["unsentLimit", 0, LARGEST, null],
  ["softStreamCap", 1, LARGEST, null],
  ["streamThreshold", 1, LARGEST, null],
  ["chunkSize", 1, LARGEST, null],
  ["streamWindowSize", 1, 2 ** 31 - 1, null],
  ["connectionWindowSize", 65_535, 2 ** 31 - 1, null],
  ["windowStallTimeout", 1, TIME, Infinity],
  ["continuationFrameLimit", 1, LARGEST, null],
];

for (const [name, least, greatest, none] of RANGES) {
  Deno.test(`resolveOptions() takes ${name} from ${least} to ${greatest}, and nothing beyond`, () => {
    for (const value of [least, greatest]) {
      assertEquals(resolveOptions({ [name]: value } as OptionsInit)[name], value);
    }
    for (const value of [least - 1, greatest + 1, 1.5, NaN, -Infinity, "5", true, {}]) {
      const error = assertThrows(() => resolveOptions({ [name]: value } as OptionsInit), RangeError, name);
      assert(error.message.includes(`from ${least} to ${greatest}`), error.message);
      assertEquals(error.message.includes("or Infinity or null for no limit"), none !== null, error.message);
    }
  });

  Deno.test(`resolveOptions() ${none === null ? "refuses" : "takes"} Infinity and null for ${name}`, () => {
    for (const value of [Infinity, null]) {
      const resolve = () => resolveOptions({ [name]: value } as OptionsInit)[name];
      if (none !== null) assertEquals(resolve(), none);
      else assertThrows(resolve, RangeError, "the server cannot be without this limit");
    }
  });
}

const OTHERS:
  readonly (readonly [name: keyof Options, allowed: readonly unknown[], refused: readonly unknown[]])[] = [
    ["http2", [true, false, "only"], ["yes", 1, null]],
    ["http2Upgrade", [true, false], ["true", 1, null]],
    ["push", [true, false], ["true", 0, null]],
    ["extendedConnect", [true, false], ["true", 0, null]],
    ["allowedMethods", [["GET"], ["GET", "X-ODD"], null], [[], ["G T"], [""], "GET", [1], ["get"]]],
    ["halfClose", ["abort", "answer"], [true, null, "close", ""]],
    ["serverHeader", ["drover", "a b", null], ["", " a", "a\r\nb: c", 5, "é"]],
    ["minimumBodyRate", [0, 1, LARGEST], [-1, 1.5, Infinity, "5"]],
    ["minimumResponseRate", [0, 1, LARGEST], [-1, 1.5, Infinity, "5"]],
    ["peerResetBudget", [{ burst: 0, perSecond: 0 }, { burst: 5, perSecond: 0.5 }], [5, {}, {
      burst: -1,
      perSecond: 1,
    }]],
    ["ownResetBudget", [{ burst: 1, perSecond: 1 }], [{ burst: 1 }, { burst: 1.5, perSecond: 1 }]],
    ["stallBudget", [{ burst: 0, perSecond: 0.01 }], [{ perSecond: 1 }]],
    ["controlFrameBudget", [{ burst: 1, perSecond: 1 }], [{ perSecond: 1 }]],
    ["emptyFrameBudget", [{ burst: 1, perSecond: 1 }], [{ burst: 1, perSecond: -1 }]],
    ["oddityBudget", [{ burst: 1, perSecond: 1 }], ["x"]],
  ];

for (const [name, allowed, refused] of OTHERS) {
  Deno.test(`resolveOptions() takes what ${name} may be, and nothing else`, () => {
    for (const value of allowed) assertEquals(resolveOptions({ [name]: value } as OptionsInit)[name], value);
    for (const value of refused) {
      assertThrows(() => resolveOptions({ [name]: value } as OptionsInit), RangeError, name);
    }
  });
}

Deno.test("every option has its range or its values tested here", () => {
  const tested = new Set([...RANGES, ...OTHERS].map(([name]) => name));
  assertEquals(Object.keys(defaultOptions).filter((name) => !tested.has(name as keyof Options)), []);
});

Deno.test("resolveOptions() takes null for no minimum rate, and null or Infinity for no budget", () => {
  assertEquals(resolveOptions({ minimumBodyRate: null }).minimumBodyRate, 0);
  assertThrows(() => resolveOptions({ minimumBodyRate: -1 }), RangeError, "0 or null for no limit");
  const none = { burst: Infinity, perSecond: 0 };
  for (const name of ["peerResetBudget", "ownResetBudget", "controlFrameBudget", "emptyFrameBudget"]) {
    assertEquals(resolveOptions({ [name]: null } as OptionsInit)[name as keyof Options], none);
    assertEquals(resolveOptions({ [name]: Infinity } as OptionsInit)[name as keyof Options], none);
  }
  const bucket = new TokenBucket(resolveOptions({ oddityBudget: null }).oddityBudget, 0);
  for (let now = 0; now < 5_000; now++) assert(bucket.take(now), "a token");
});

Deno.test("resolveOptions() does not take a limit as absent for a listener where the server has one, unless it says so", () => {
  const base = resolveOptions({ bodySizeLimit: 5, requestLimit: null });
  const own = resolveOptions({ bodySizeLimit: null }, base);
  assertEquals([own.bodySizeLimit, own.requestLimit, base.bodySizeLimit], [Infinity, Infinity, 5]);
  assertEquals(resolveOptions({ ...own }, base), own);
});

/** What is said of a name that is no option. */
function hintOf(name: string): string {
  const { message } = assertThrows(
    () => resolveOptions({ [name]: 5 }),
    TypeError,
    `There is no option ${name}: `,
  );
  return message.slice(message.indexOf(": ") + 2);
}

for (
  const [name, meant] of [
    ["headerTimout", "headerTimeout"],
    ["HeaderTimeout", "headerTimeout"],
    ["header_timeout", "headerTimeout"],
    ["timeoutHeader", "headerTimeout"],
    ["limitBodySize", "bodySizeLimit"],
    ["bodySizelimit", "bodySizeLimit"],
    ["connectionlimits", "connectionLimit"],
    ["prot", "port"],
    ["Port", "port"],
    ["hostName", "hostname"],
    ["hostnam", "hostname"],
    ["onerror", "onError"],
    ["onEror", "onError"],
    ["rendererror", "renderError"],
    ["onlisten", "onListen"],
    ["reuseport", "reusePort"],
    ["Signal", "signal"],
  ] as const
) {
  Deno.test(`resolveOptions() suggests ${meant} for ${name}`, () => {
    assertEquals(hintOf(name), `did you mean ${meant}?`);
  });
}

for (
  const [name, ours] of [
    ["keepAliveTimeout", "http1Timeout, and http2Timeout"],
    ["keepalive_timeout", "http1Timeout, and http2Timeout"],
    ["idleTimeout", "http1Timeout, and http2Timeout"],
    ["IdleTimeout", "http1Timeout, and http2Timeout"],
    ["requestTimeout", "headerTimeout for the head, streamTimeout and minimumBodyRate for the body"],
    ["headersTimeout", "headerTimeout"],
    ["maxBodySize", "bodySizeLimit"],
    ["maxRequestBodySize", "bodySizeLimit"],
    ["client_max_body_size", "bodySizeLimit"],
    ["maxHeaderSize", "headerSizeLimit"],
    ["maxConnections", "connectionLimit"],
    ["maxRequestsPerSocket", "requestLimit"],
    ["certFile", "cert, with the PEM text: Deno.readTextFileSync()"],
    ["keyFile", "key, with the PEM text: Deno.readTextFileSync()"],
    ["alpnProtocols", "http2, which decides what ALPN offers"],
    ["host", "hostname"],
    ["unix", "path"],
    ["error", "onError"],
  ] as const
) {
  Deno.test(`resolveOptions() says what ${name} of other servers is here`, () => {
    assertEquals(hintOf(name), `here it is ${ours}`);
  });
}

Deno.test("resolveOptions() says where a name belongs that is no option, and makes no wild guess", () => {
  for (
    const [name, hint] of [
      ["port", "where to listen is for listen(), or serve()"],
      ["mode", "where to listen is for listen(), or serve()"],
      ["onError", "it is for new HttpServer(), or serve()"],
      ["signal", "it is for serve()"],
      ["name", "leave it out, or see Options for those that there are"],
      ["size", "leave it out, or see Options for those that there are"],
      ["ttl", "leave it out, or see Options for those that there are"],
      ["compression", "leave it out, or see Options for those that there are"],
      ["0", "leave it out, or see Options for those that there are"],
      ["", "leave it out, or see Options for those that there are"],
      ["é", "leave it out, or see Options for those that there are"],
    ] as const
  ) assertEquals(hintOf(name), hint);
});

Deno.test("resolveOptions() inherits what is left out or undefined, and freezes what it gives", () => {
  const base = resolveOptions({ headerTimeout: 5 });
  assertStrictEquals(resolveOptions({ headerTimeout: undefined }, base), base);
  const options = resolveOptions({ http1Timeout: 7, allowedMethods: ["GET"] }, base);
  assertEquals([options.headerTimeout, options.http1Timeout], [5, 7]);
  assert(
    Object.isFrozen(options) && Object.isFrozen(options.allowedMethods) && Object.isFrozen(defaultOptions),
  );
});

Deno.test("the defaults are allowed themselves", () => {
  assertEquals(resolveOptions({ ...defaultOptions }), defaultOptions);
});
