/** The arrows between the modules: they point down only, and in no circle. */

import { assertEquals } from "@std/assert";
import config from "../deno.json" with { type: "json" };
import jsrConfig from "../deno.jsr.json" with { type: "json" };

/** Who imports what: paths relative to the root. */
type Graph = ReadonlyMap<string, readonly string[]>;

const MESSAGES = /^(request|response|exchange|message|request_body)\.ts$/;

/** The layers from top to bottom. A module may import from its own layer and those below it. */
const LAYERS: readonly (readonly [name: string, pattern: RegExp])[] = [
  ["websocket", /^websocket\/.*\.ts$/],
  ["public surface", /^(mod|testing)\.ts$/],
  ["serve", /^serve\.ts$/],
  ["server", /^(server|server\/\w+)\.ts$/],
  ["client", /^(client|client\/\w+|write_queue|read_buffer|exported_connection|deadlines)\.ts$/],
  ["driver factory", /^drivers\/factory\.ts$/],
  [
    "drivers",
    /^drivers\/(http1\/(driver|hand_over|message)|http2\/(control|dispatcher|driver|message|pusher|sender|life|pull_gate|receiver|stream|stream_table|watch)|http2_responder|http2_stream_connection|http1_takeover|response_stream)\.ts$/,
  ],
  ["driver contract", /^drivers\/driver\.ts$/],
  ["codecs", /^drivers\/http[12]\/.*\.ts$/],
  [
    "shared codecs",
    /^drivers\/(authority|content_length|grammar|http_date|input_buffer|latin1|list_field|preload)\.ts$/,
  ],
  ["messages", MESSAGES],
  ["transports", /^transports\/.*\.ts$/],
  [
    "foundations",
    /^(base\/.*|messages\/(byte_stream|platform)|connection|upgraded_connection|headers|errors|memory|options|reason_phrase|platform_response|trailer_fields)\.ts$/,
  ],
];

/** Arrows that point down and are wrong all the same. */
const FORBIDDEN: readonly (readonly [from: RegExp, to: RegExp, why: string])[] = [
  [/^drivers\/http1\//, /^drivers\/http2\//, "the versions of HTTP do not know each other"],
  [/^drivers\/http2\//, /^drivers\/http1\//, "the versions of HTTP do not know each other"],
  [/^drivers\//, /^transports\//, "drivers see no socket"],
  [
    /^drivers\/http1\/(?!driver|hand_over|message|response_trailers)/,
    MESSAGES,
    "codecs know bytes and values alone",
  ],
  [
    /^drivers\/http2\/(?!control|dispatcher|driver|life|message|pull_gate|pusher|receiver|sender|stream\.|stream_table|watch)/,
    MESSAGES,
    "codecs know bytes and values alone",
  ],
  [MESSAGES, /^transports\//, "messages see no socket"],
  [/^server\.ts$/, /^drivers\/http[12]\//, "only the factory knows the versions"],
  [/^client\.ts$/, /^drivers\/(http[12]|factory)/, "a client knows the contract only"],
];

function layerOf(module: string): number {
  return LAYERS.findIndex(([, pattern]) => pattern.test(module));
}

/** What is wrong with a graph, in words. */
function findFaults(graph: Graph): string[] {
  const faults: string[] = [];
  for (const [from, imports] of graph) {
    if (layerOf(from) < 0) faults.push(`${from} is in no layer`);
    for (const to of imports) {
      if (layerOf(to) >= 0 && layerOf(to) < layerOf(from)) faults.push(`${from} -> ${to} points up`);
      for (const [source, target, why] of FORBIDDEN) {
        if (source.test(from) && target.test(to)) faults.push(`${from} -> ${to}: ${why}`);
      }
    }
  }
  return [...faults, ...findCircles(graph)];
}

function findCircles(graph: Graph): string[] {
  const done = new Set<string>();
  const circles: string[] = [];
  const visit = (module: string, path: readonly string[]) => {
    if (path.includes(module)) {
      circles.push(`a circle: ${[...path.slice(path.indexOf(module)), module].join(" -> ")}`);
      return;
    }
    if (done.has(module)) return;
    for (const next of graph.get(module) ?? []) visit(next, [...path, module]);
    done.add(module);
  };
  for (const module of graph.keys()) visit(module, []);
  return circles;
}

interface Info {
  readonly roots: readonly string[];
  readonly modules: readonly {
    readonly specifier: string;
    readonly dependencies?: readonly {
      readonly code?: { readonly specifier?: string };
      readonly type?: { readonly specifier?: string };
    }[];
  }[];
}

/** The graph of a module of this package, imports of types among them. */
async function readGraph(entry: string): Promise<Graph> {
  const root = new URL("..", import.meta.url);
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", entry],
    cwd: root,
    env: { NO_COLOR: "1" },
  }).output();
  const info: Info = JSON.parse(new TextDecoder().decode(stdout));
  const local = (specifier: string | undefined) =>
    specifier?.startsWith(root.href) ? specifier.slice(root.href.length) : null;
  const graph = new Map<string, string[]>();
  for (const { specifier, dependencies = [] } of info.modules) {
    const from = local(specifier);
    if (from === null) continue;
    const found = dependencies.map(({ code, type }) => local(code?.specifier ?? type?.specifier));
    graph.set(from, found.filter((to) => to !== null));
  }
  return graph;
}

for (const entry of Object.values(config.exports).map((path) => path.replace("./", ""))) {
  Deno.test(`the imports under ${entry} point down only, and in no circle`, async () => {
    const graph = await readGraph(entry);
    assertEquals(graph.has(entry), true);
    assertEquals(findFaults(graph), []);
  });
}

Deno.test("findFaults() finds an arrow that points up, a forbidden one, a circle and a stray module", () => {
  const graph = new Map([
    ["client.ts", ["server.ts"]],
    ["server.ts", ["client.ts"]],
    ["drivers/http1/driver.ts", ["drivers/http2/frame.ts", "transports/memory.ts"]],
    ["drivers/http1/fields.ts", ["request.ts", "errors.ts"]],
    ["stray.ts", []],
  ]);
  assertEquals(findFaults(graph), [
    "client.ts -> server.ts points up",
    "drivers/http1/driver.ts -> drivers/http2/frame.ts: the versions of HTTP do not know each other",
    "drivers/http1/driver.ts -> transports/memory.ts: drivers see no socket",
    "drivers/http1/fields.ts -> request.ts: codecs know bytes and values alone",
    "stray.ts is in no layer",
    "a circle: client.ts -> server.ts -> client.ts",
  ]);
});

Deno.test("deno.jsr.json is deno.json without the links", () => {
  const { links: _, ...rest } = config;
  assertEquals<unknown>(jsrConfig, rest);
});
