/**
 * What to do about a name that is no option: the name that was meant, the name that another server has for
 * it, or where it belongs.
 *
 * @module
 */

/**
 * The members of the arguments of `serve()`, `new HttpServer()` and `listen()` that are no options, and where
 * each belongs.
 */
const ELSEWHERE: Readonly<Record<string, readonly string[]>> = {
  "where to listen is for listen(), or serve()": [
    "port",
    "hostname",
    "path",
    "mode",
    "cert",
    "key",
    "keyFormat",
    "reusePort",
    "tcpBacklog",
    "transport",
  ],
  "it is for new HttpServer(), or serve()": ["onError", "renderError", "log", "driverFactory"],
  "it is for serve()": ["onListen", "signal", "handler", "fetch", "automaticCompression"],
};

/**
 * The names that other servers have, without case and punctuation, by what they are here: Node, Deno, Bun,
 * Go, nginx, Kestrel, Fastify, uWebSockets, Hypercorn.
 */
const OF_OTHERS: Readonly<Record<string, string>> = {
  "http1Timeout, and http2Timeout":
    "keepAliveTimeout idleTimeout keepAlive keepAliveTimeoutBuffer keepAliveInterval",
  headerTimeout:
    "headersTimeout readHeaderTimeout clientHeaderTimeout requestHeadersTimeout connectionTimeout",
  "headerTimeout for the head, streamTimeout and minimumBodyRate for the body": "requestTimeout",
  "headerTimeout, http1Timeout or streamTimeout": "timeout socketTimeout",
  streamTimeout: "readTimeout writeTimeout sendTimeout bodyTimeout clientBodyTimeout responseTimeout",
  tlsSetupTimeout: "handshakeTimeout tlsHandshakeTimeout sslHandshakeTimeout",
  shutdownTimeout:
    "gracePeriod gracefulTimeout gracefulShutdownTimeout stopTimeout closeTimeout forceCloseTimeout",
  bodySizeLimit:
    "maxBodySize maxRequestBodySize bodyLimit maxBodyLength clientMaxBodySize maxPayload maxPayloadLength",
  headerSizeLimit:
    "maxHeaderSize maxHeaderBytes maxHeaderListSize largeClientHeaderBuffers maxRequestHeadersTotalSize",
  headerCountLimit: "maxHeadersCount maxHeaderCount maxHeaders maxHeaderListPairs",
  targetSizeLimit: "maxUrlLength maxUriLength maxRequestLineSize",
  connectionLimit: "maxConnections maxConcurrentConnections workerConnections",
  connectionsPerIpLimit: "maxConnectionsPerIp limitConn",
  handlerLimit: "concurrencyLimit maxConcurrency maxConcurrentRequests",
  requestLimit: "maxRequestsPerSocket keepAliveRequests maxRequests maxRequestsPerConnection",
  concurrentStreamLimit: "maxConcurrentStreams http2MaxConcurrentStreams",
  streamWindowSize: "initialWindowSize",
  softStreamCap: "highWaterMark maxBackpressure",
  minimumBodyRate: "minRequestBodyDataRate minDataRate",
  minimumResponseRate: "minResponseDataRate minBytesPerSecond minWriteRate",
  allowedMethods: "methods",
  serverHeader: "serverName serverTokens addServerHeader",
  'http2: "only" or http2: false': "allowHTTP1 protocols",
  http2Upgrade: "h2c",
  extendedConnect: "enableConnectProtocol",
  hostname: "host address bind bindAddress",
  path: "unix socketPath unixSocket",
  tcpBacklog: "backlog",
  onError: "error errorHandler",
  log: "logger errorLog",
  "cert, with the PEM text: Deno.readTextFileSync()": "certFile certificate tlsCert sslCertificate certPath",
  "key, with the PEM text: Deno.readTextFileSync()": "keyFile privateKey tlsKey sslCertificateKey keyPath",
  "cert and key": "tls ssl https secureContext",
  "http2, which decides what ALPN offers": "alpnProtocols nextProtos",
  "upgradeWebSocket() of @drover/http/websocket, called in the handler": "websocket websockets",
};

const ours: ReadonlyMap<string, string> = new Map(
  Object.entries(OF_OTHERS).flatMap(([our, theirs]) => theirs.split(" ").map((name) => [plain(name), our])),
);

/** Above this part of a name's letters that differ, no other was meant. */
const FARTHEST = 0.4;

/**
 * What to do about a name that is no option.
 *
 * @param name what was given
 * @param options the names of all options
 */
export function hintFor(name: string, options: readonly string[]): string {
  for (const [place, names] of Object.entries(ELSEWHERE)) {
    if (names.includes(name)) return place;
  }
  const our = ours.get(plain(name));
  if (our !== undefined) return `here it is ${our}`;
  const candidates = [...options, ...Object.values(ELSEWHERE).flat()];
  const differences = candidates.map((candidate) => difference(name, candidate));
  const least = Math.min(...differences);
  return least > FARTHEST
    ? "leave it out, or see Options for those that there are"
    : `did you mean ${candidates[differences.indexOf(least)]}?`;
}

/** A name without case and punctuation: `keepalive_timeout` and `KeepAliveTimeout` are one. */
function plain(name: string): string {
  return name.replaceAll(/[^A-Za-z0-9]/g, "").toLowerCase();
}

/**
 * Which part of the letters differs: of the names as they are, or with their words in order, as in
 * `limitBodySize`.
 */
function difference(one: string, other: string): number {
  const whole = editDistance(plain(one), plain(other));
  const words = editDistance(sortWords(one), sortWords(other));
  return Math.min(whole, words) / Math.max(one.length, other.length);
}

function sortWords(name: string): string {
  const words = name.split(/[^A-Za-z0-9]+|(?=[A-Z])/).map((word) => word.toLowerCase());
  return words.sort().join("");
}

/**
 * How many letters have to be changed, added, left out or exchanged with the next to make one text of
 * another.
 */
function editDistance(from: string, to: string): number {
  let before: readonly number[] = [];
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const change = row[j - 1]! + (from[i - 1] === to[j - 1] ? 0 : 1);
      const exchanged = from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1];
      const swap = exchanged ? before[j - 2]! + 1 : Infinity;
      next.push(Math.min(change, swap, row[j]! + 1, next[j - 1]! + 1));
    }
    [before, row] = [row, next];
  }
  return row[to.length]!;
}
