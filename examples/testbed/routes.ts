/** The routes of the testbed, and the way to them. */
import { type Exchange, type Handler, HttpError, type UpgradedConnection } from "../../mod.ts";
import { upgradeWebSocket } from "../../websocket/mod.ts";
import { discard, echo, echoDiscard, ignore, info, inspect, limited, slowEcho } from "./bodies.ts";
import { Call, type Testbed } from "./call.ts";
import { files } from "./files.ts";
import { healthCheck } from "./grpc.ts";
import { badLength, big, bytes, events, hang, slow, stream, stubborn, throwLate } from "./streams.ts";
import { text } from "./text.ts";

/** Which methods a route takes; the rest is answered 405, and OPTIONS with what it takes. */
type Methods = readonly string[] | "any";

interface Route {
  readonly methods: Methods;
  answer(call: Call): Response | Promise<Response>;
}

const GET = ["GET", "HEAD"];
const POST = ["POST", "PUT", "PATCH"];
const STYLE_LINK = "</style.css>; rel=preload; as=style";
const PUSHED_LINK = "</pushed.css>; rel=preload; as=style";

/** All but `/files/*`. */
const ROUTES = new Map<string, Route>([
  ["/", { methods: GET, answer: hello }],
  ["/echo", { methods: "any", answer: echo }],
  ["/inspect", { methods: "any", answer: inspect }],
  ["/json", { methods: GET, answer: json }],
  ["/bytes", { methods: GET, answer: bytes }],
  ["/text", { methods: GET, answer: text }],
  ["/stream", { methods: GET, answer: stream }],
  ["/events", { methods: GET, answer: events }],
  ["/slow", { methods: GET, answer: slow }],
  ["/discard", { methods: POST, answer: discard }],
  ["/ignore", { methods: "any", answer: ignore }],
  ["/limited", { methods: POST, answer: limited }],
  ["/status", { methods: GET, answer: status }],
  ["/throw", { methods: "any", answer: fail }],
  ["/error", { methods: GET, answer: httpError }],
  ["/trailers", { methods: GET, answer: trailers }],
  ["/hints", { methods: GET, answer: hints }],
  ["/push", { methods: GET, answer: push }],
  ["/style.css", { methods: GET, answer: css }],
  ["/pushed.css", { methods: GET, answer: css }],
  ["/stats", { methods: GET, answer: stats }],
  ["/upgrade", { methods: GET, answer: upgrade }],
  ["/ws", { methods: "any", answer: webSocket }],
  ["/grpc.health.v1.Health/Check", { methods: POST, answer: healthCheck }],
  // of the attack corpus
  ["/info", { methods: "any", answer: info }],
  ["/echo-discard", { methods: "any", answer: echoDiscard }],
  ["/slow-echo", { methods: "any", answer: slowEcho }],
  ["/stubborn", { methods: "any", answer: stubborn }],
  ["/hang", { methods: "any", answer: hang }],
  ["/echo-len", { methods: GET, answer: bytes }],
  ["/big", { methods: GET, answer: big }],
  ["/hdr", { methods: GET, answer: headerField }],
  ["/reason", { methods: GET, answer: reason }],
  ["/badlen", { methods: GET, answer: badLength }],
  ["/throw-late", { methods: GET, answer: throwLate }],
  ["/early", { methods: GET, answer: hints }],
  ["/counters", { methods: GET, answer: counters }],
]);

const FILES: Route = { methods: GET, answer: files };

/** The handler of a testbed. */
export function createHandler(testbed: Testbed): Handler {
  return (request, exchange) => {
    if (request.method === "CONNECT" && exchange.extendedProtocol === null) return tunnel(exchange);
    const [path, query] = splitTarget(request, exchange);
    const route = path.startsWith("/files/") ? FILES : ROUTES.get(path);
    if (route === undefined) return new Response("404 Not Found", { status: 404 });
    if (route.methods !== "any" && !route.methods.includes(request.method)) {
      return otherMethod(request.method, route.methods);
    }
    return route.answer(new Call(request, exchange, { testbed, query }));
  };
}

/** Path and query: cut out of the target in its usual form (RFC 9112 §3.2.1), which is cheaper than a URL. */
function splitTarget(request: Request, { target }: Exchange): [path: string, query: string] {
  if (!target.startsWith("/")) {
    const { pathname, search } = new URL(request.url);
    return [pathname, search];
  }
  const at = target.indexOf("?");
  return at < 0 ? [target, ""] : [target.slice(0, at), target.slice(at + 1)];
}

function otherMethod(method: string, methods: readonly string[]): Response {
  const headers = { allow: [...methods, "OPTIONS"].join(", ") };
  if (method === "OPTIONS") return new Response(null, { status: 204, headers });
  throw new HttpError(405, undefined, { headers });
}

function hello(): Response {
  return new Response("Hello, World!", { headers: { "content-type": "text/plain" } });
}

function json({ request }: Call): Response {
  return Response.json({
    hello: "world",
    path: new URL(request.url).pathname,
    userAgent: request.headers.get("user-agent"),
    accept: request.headers.get("accept"),
  });
}

function status(call: Call): Response {
  const code = call.integer("code", { max: 999 });
  const bodiless = code === 204 || code === 205 || code === 304;
  return new Response(bodiless ? null : call.params.get("body") ?? `status ${code}`, {
    status: code,
    statusText: call.params.get("reason") ?? "",
  });
}

function reason(call: Call): Response {
  return new Response("ok", { statusText: call.text("text") });
}

function headerField(call: Call): Response {
  return new Response("ok", { headers: [[call.text("name"), call.text("value")]] });
}

function fail(): never {
  throw new Error("The handler throws, as it was asked to");
}

function httpError(call: Call): never {
  throw new HttpError(call.integer("code", { max: 999 }));
}

function trailers({ exchange }: Call): Response {
  exchange.setTrailers({ "x-checksum": "42", "x-late": "yes" });
  return new Response("with trailers");
}

function hints({ exchange }: Call): Response {
  exchange.inform(103, { link: STYLE_LINK });
  return new Response("hinted");
}

function push({ exchange }: Call): Response {
  const pushed = exchange.push("/pushed.css");
  return new Response(pushed ? "pushed" : "not pushed", { headers: { link: PUSHED_LINK } });
}

function css(): Response {
  return new Response("body { color: #222 }\n", { headers: { "content-type": "text/css" } });
}

function stats({ testbed }: Call): Response {
  const { clients, pendingRequests, pendingResponses, accepted, refused, requests, errors } = testbed
    .stats();
  const { rss, heapUsed } = Deno.memoryUsage();
  const figures = {
    clients,
    pendingRequests,
    pendingResponses,
    accepted,
    refused,
    requests,
    errors,
  };
  return Response.json({ ...figures, rss, heapUsed });
}

function counters({ testbed }: Call): Response {
  const { running, peak, aborted, cancelled } = testbed.counters;
  return Response.json({
    runningHandlers: testbed.stats().runningHandlers,
    stubbornHandlers: running,
    handlerPeak: peak,
    abortedHandlers: aborted,
    cancelledStreams: cancelled,
  });
}

/** A raw echo for whoever asks for it by name. */
function upgrade({ request, exchange }: Call): Response {
  const asked = request.headers.get("upgrade")?.toLowerCase() ?? "";
  if (asked.split(/[ \t]*,[ \t]*/).includes("echo") && exchange.protocol === "HTTP/1.1") {
    return exchange.upgrade(echoBytes, { headers: { upgrade: "echo" } });
  }
  throw new HttpError(426, "Ask for `Upgrade: echo`", { headers: { upgrade: "echo" } });
}

/**
 * A raw echo in place of a tunnel: no outgoing connection is made. A name without a dot is refused, as a proxy would refuse
 * what it cannot resolve: the attack corpus asks for `a:443`, and wants no tunnel.
 */
function tunnel(exchange: Exchange): Response {
  const host = exchange.target.replace(/:\d+$/, "");
  if (!/[.:]/.test(host) && host !== "localhost") throw new HttpError(403, `There is no ${host} here`);
  return exchange.upgrade(echoBytes);
}

async function echoBytes(connection: UpgradedConnection): Promise<void> {
  await connection.readable.pipeTo(connection.writable);
  connection.close();
}

/** Echoes each message in its type; what is no opening handshake is refused by `upgradeWebSocket()`. */
function webSocket({ request, exchange, params }: Call): Response {
  const { bodySizeLimit, streamTimeout } = exchange.client.options;
  const { socket, response } = upgradeWebSocket(request, {
    maxMessageSize: bodySizeLimit === Infinity ? undefined : bodySizeLimit,
    idleTimeout: 2 * streamTimeout / 1000,
  });
  socket.binaryType = "arraybuffer";
  if (params.has("close")) socket.onopen = () => socket.close(1000); // for whoever wants to see the server begin
  socket.addEventListener("message", ({ data }) => socket.send(data));
  return response;
}
