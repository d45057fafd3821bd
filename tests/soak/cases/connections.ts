/**
 * Connections that come, stay, are slow, and go.
 *
 * @module
 */

import type { SoakCase } from "../case.ts";
import { answeredWith } from "./expect.ts";

/** The cases. */
export const CONNECTION_CASES: readonly SoakCase[] = [
  {
    name: "reset-burst",
    about: "connections that are reset before they are accepted, 300 at once, every 2 s",
    attack: "resetBurst",
    scale: 300,
    blocks: 60,
    memory: 60,
    short: { seconds: 2 },
  },
  {
    name: "reset-steady",
    about: "200 connections a second that are reset before they are accepted",
    attack: "resetSteadily",
    scale: 200,
    memory: 60,
  },
  {
    name: "descriptors",
    about: "more connections than the server has descriptors for (EMFILE)",
    attack: "exhaustDescriptors",
    scale: 400,
    descriptors: 200,
    memory: 40,
    refuses: true,
    noLatency: "fresh connections wait for a descriptor",
    expect: ({ during, after }) => [
      during.kept.failures > 0 && `${during.kept.failures} requests failed on a kept connection`,
      after.fresh.failures > 0 && "fresh connections failed when there were descriptors again",
    ],
  },
  {
    name: "tls-abandoned",
    about: "2 000 TLS handshakes that nobody ends",
    attack: "abandonHandshakes",
    scale: 2_000,
    tls: true,
    options: { tlsSetupTimeout: 2_000 },
    leastSeconds: 9,
    expect: ({ held, base }) => [
      held === null && "the server was not looked at",
      held !== null && held.descriptors - base.descriptors > held.stats.clients + 10 &&
      `${
        held.descriptors - base.descriptors
      } descriptors were open for ${held.stats.clients} clients that were counted`,
    ],
    short: { seconds: 3, scale: 200, options: { tlsSetupTimeout: 500 } },
  },
  {
    name: "idle-2000",
    about: "2 000 connections with a request each, and then idle",
    attack: "idleConnections",
    scale: 2_000,
    options: { http1Timeout: 60_000 },
    leastSeconds: 7,
    heldPerPeer: 12,
  },
  {
    name: "idle-2000-tls",
    about: "the same over TLS",
    attack: "idleConnections",
    scale: 2_000,
    tls: true,
    options: { http1Timeout: 60_000 },
    leastSeconds: 14,
    memory: 250,
    heldPerPeer: 12,
  },
  {
    name: "idle-8000-left",
    about: "8 000 idle connections, and the memory when they have gone",
    attack: "idleConnections",
    scale: 8_000,
    options: { http1Timeout: 60_000 },
    leastSeconds: 18,
    memory: 400,
    heldPerPeer: 12,
    expect: ({ held, rest }) => [
      held === null && "the server was not looked at",
      held !== null && rest.resident > held.resident * 1.25 &&
      `${Math.round(rest.resident)} MiB stayed resident when they had gone, of ${
        Math.round(held.resident)
      } before`,
    ],
  },
  {
    name: "come-and-go",
    about: "clients that leave in every state: before a byte, in a head, a body, a response, after one",
    attack: "comeAndGo",
    scale: 20,
  },
  {
    name: "slow-heads",
    about: "1 000 heads at a byte a second; headerTimeout 3 s",
    attack: "slowHeads",
    scale: 1_000,
    options: { headerTimeout: 3_000 },
    leastSeconds: 8,
    expect: answeredWith("408"),
    short: { seconds: 3, scale: 200, options: { headerTimeout: 1_000 } },
  },
  {
    name: "slow-heads-tls",
    about: "the same over TLS, 300 of them",
    attack: "slowHeads",
    scale: 300,
    tls: true,
    options: { headerTimeout: 3_000 },
    leastSeconds: 8,
    expect: answeredWith("408"),
  },
  {
    name: "slow-bodies",
    about: "500 bodies at 50 bytes a second; minimumBodyRate 240, its grace 2 s",
    attack: "slowBodies",
    scale: 500,
    options: { minimumBodyRateGrace: 2_000 },
    leastSeconds: 9,
    expect: answeredWith("408"),
  },
  {
    name: "slow-readers",
    about: "readers of an endless response at 3 kB a second: slow, and no attack",
    attack: "slowReaders",
    scale: 5,
    leastSeconds: 50,
    memory: 60,
    expect: ({ held, peers }) => [
      held?.gauges.streams !== peers && `${held?.gauges.streams} of ${peers} slow readers were still served`,
    ],
  },
  {
    name: "unread-2000",
    about: "2 000 endless responses that nobody reads, 150 more each second; streamTimeout 15 s",
    attack: "unreadResponses",
    scale: 2_000,
    leastSeconds: 36,
    memory: 600,
    expect: ({ lastClients, peers }) => [
      lastClients > peers * 0.1 && // 100 of them have longer, by minimumResponseRate
      `${lastClients} of ${peers} clients were still served after their time`,
    ],
  },
  {
    name: "byte-by-byte",
    about: "heads with a target of 8 kB and a field of 20 kB, one byte in a segment",
    attack: "byteByByteHeads",
    scale: 4,
    memory: 60,
  },
];
