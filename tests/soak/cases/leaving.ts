/**
 * Peers that leave, and what is kept of what they sent.
 *
 * @module
 */

import type { SoakCase } from "../case.ts";
import { answeredWith } from "./expect.ts";

/** The cases. */
export const LEAVING_CASES: readonly SoakCase[] = [
  {
    name: "events-left",
    about: "300 clients who leave an event stream that is idle",
    attack: "leftEvents",
    scale: 300,
    short: { seconds: 1, scale: 100 },
  },
  {
    name: "upgrades-left",
    about: "300 clients who leave while the handler opens an upstream for their upgrade",
    attack: "leftUpgrades",
    scale: 300,
    leastSeconds: 4,
    short: { seconds: 2, scale: 100 },
  },
  {
    name: "waiting-left",
    about: "9 800 clients who leave while they wait for one of 20 places that are taken",
    attack: "departedWaiting",
    scale: 9_800,
    options: { handlerLimit: 20 },
    target: "*",
    leastSeconds: 20,
    memory: 200,
    heldPerPeer: 4,
    short: { seconds: 3, scale: 500 },
  },
  {
    name: "waiting-stay",
    about: "2 000 clients who wait and stay; handlerQueueLimit 500, handlerQueueTimeout 2 s",
    attack: "standingWaiting",
    scale: 2_000,
    options: { handlerLimit: 20, handlerQueueLimit: 500, handlerQueueTimeout: 2_000 },
    target: "*",
    leastSeconds: 8,
    memory: 200,
    expect: answeredWith("503"),
  },
  {
    name: "kept-headers",
    about: "3 000 values of 21 characters that are kept out of heads of 30 kB",
    attack: "keptHeaders",
    scale: 3_000,
    leastSeconds: 5,
    heldPerPeer: 2,
  },
  {
    name: "kept-targets",
    about: "3 000 targets that are kept out of heads of 30 kB",
    attack: "keptTargets",
    scale: 3_000,
    leastSeconds: 5,
    heldPerPeer: 2,
  },
  {
    name: "kept-urls",
    about: "3 000 URLs that are kept out of heads of 30 kB",
    attack: "keptUrls",
    scale: 3_000,
    leastSeconds: 5,
    heldPerPeer: 2,
  },
  {
    name: "kept-h2-headers",
    about: "3 000 values of 21 characters that are kept out of field blocks of 15 kB",
    attack: "keptHttp2Headers",
    scale: 3_000,
    leastSeconds: 5,
    heldPerPeer: 2,
  },
  {
    name: "kept-texts",
    about: "3 000 short texts that are kept, behind texts of 30 kB in the same segments of a WebSocket",
    attack: "keptTexts",
    scale: 3_000,
    leastSeconds: 5,
    heldPerPeer: 2,
  },
];
