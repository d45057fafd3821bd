/** The options: their values, what is allowed, what is said otherwise, and inheritance. */

import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { defaultOptions, type Options, type OptionsInit, resolveOptions } from "../options.ts";

const TIME = 2_147_483_647;
const LARGEST = Number.MAX_SAFE_INTEGER;

/** Each number's least and greatest value. */
const RANGES: readonly (readonly [name: keyof Options, least: number, greatest: number])[] = [
  ["connectionLimit", 1, LARGEST],
  ["connectionsPerIpLimit", 1, LARGEST],
  ["handlerLimit", 1, LARGEST],
  ["handlerQueueLimit", 0, LARGEST],
  ["handlerQueueTimeout", 1, TIME],
  ["tlsSetupTimeout", 1, TIME],
  ["headerTimeout", 1, TIME],
  ["http1Timeout", 1, TIME],
  ["http2Timeout", 1, TIME],
  ["streamTimeout", 1, TIME],
  ["minimumBodyRate", 0, LARGEST],
  ["minimumBodyRateGrace", 1, TIME],
  ["shutdownTimeout", 0, TIME],
  ["headerSizeLimit", 1, LARGEST],
  ["headerCountLimit", 1, LARGEST],
  ["targetSizeLimit", 1, LARGEST],
  ["trailerSizeLimit", 1, LARGEST],
  ["chunkLineSizeLimit", 1, LARGEST],
  ["chunkOverheadLimit", 1, LARGEST],
  ["drainLimit", 0, LARGEST],
  ["lingerTimeout", 0, TIME],
  ["bodySizeLimit", 0, LARGEST],
  ["requestLimit", 1, LARGEST],
  ["concurrentStreamLimit", 1, LARGEST],
  ["softStreamCap", 1, LARGEST],
  ["streamThreshold", 1, LARGEST],
  ["chunkSize", 1, LARGEST],
  ["streamWindowSize", 1, 2 ** 31 - 1],
  ["connectionWindowSize", 65_535, 2 ** 31 - 1],
  ["windowStallTimeout", 1, TIME],
  ["continuationFrameLimit", 1, LARGEST],
];

for (const [name, least, greatest] of RANGES) {
  Deno.test(`resolveOptions() takes ${name} from ${least} to ${greatest}, and nothing beyond`, () => {
    for (const value of [least, greatest]) {
      assertEquals(resolveOptions({ [name]: value } as OptionsInit)[name], value);
    }
    for (const value of [least - 1, greatest + 1, 1.5, NaN, Infinity, "5", true, {}]) {
      const error = assertThrows(() => resolveOptions({ [name]: value } as OptionsInit), RangeError, name);
      assert(error.message.includes(`from ${least} to ${greatest}`), error.message);
    }
  });
}

const OTHERS:
  readonly (readonly [name: keyof Options, allowed: readonly unknown[], refused: readonly unknown[]])[] = [
    ["http2", [true, false, "only"], ["yes", 1, null]],
    ["http2Upgrade", [true, false], ["true", 1, null]],
    ["push", [true, false], ["true", 0, null]],
    ["extendedConnect", [true, false], ["true", 0, null]],
    ["allowedMethods", [["GET"], ["GET", "X-ODD"], null], [[], ["G T"], [""], "GET", [1]]],
    ["halfClose", ["abort", "answer"], [true, null, "close", ""]],
    ["serverHeader", ["drover", "a b", null], ["", " a", "a\r\nb: c", 5, "é"]],
    ["bodySizeLimit", [null], ["none"]],
    ["requestLimit", [null], [0]],
    ["peerResetBudget", [{ burst: 0, perSecond: 0 }, { burst: 5, perSecond: 0.5 }], [null, 5, {}, {
      burst: -1,
      perSecond: 1,
    }]],
    ["ownResetBudget", [{ burst: 1, perSecond: 1 }], [{ burst: 1 }, { burst: 1.5, perSecond: 1 }]],
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

Deno.test("resolveOptions() suggests the name that was meant", () => {
  assertThrows(
    () => resolveOptions({ headerTimout: 5 } as OptionsInit),
    TypeError,
    "did you mean headerTimeout?",
  );
});

Deno.test("resolveOptions() says where a name belongs that is no option, and makes no wild guess", () => {
  for (
    const [name, hint] of [
      ["port", "listen()"],
      ["onError", "new HttpServer()"],
      ["signal", "serve()"],
      ["certFile", "see Options"],
      ["maxBodySize", "see Options"],
      ["name", "see Options"],
      ["0", "see Options"],
    ] as const
  ) {
    const error = assertThrows(() => resolveOptions({ [name]: 5 }), TypeError, hint);
    assertEquals(error.message.includes("did you mean"), false, error.message);
  }
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
