/**
 * Floods over HTTP/2, and streams that hold what they have.
 *
 * @module
 */

import type { SoakCase } from "../case.ts";
import { answeredWith } from "./expect.ts";

/** The cases. */
export const HTTP2_CASES: readonly SoakCase[] = [
  {
    name: "h2-requests",
    about: "100 requests at once, again and again, on 4 connections",
    attack: "requests",
    scale: 4,
    expect: answeredWith("200"),
  },
  {
    name: "h2-rapid-reset",
    about: "requests that are reset at once (CVE-2023-44487), on 4 connections",
    attack: "rapidReset",
    scale: 4,
    expect: answeredWith("GOAWAY ENHANCE_YOUR_CALM"),
    short: { seconds: 1 },
  },
  {
    name: "h2-rapid-reset-tls",
    about: "the same over TLS",
    attack: "rapidReset",
    scale: 4,
    tls: true,
    expect: answeredWith("GOAWAY ENHANCE_YOUR_CALM"),
  },
  {
    name: "h2-made-you-reset",
    about: "faults that make the server reset streams (CVE-2025-8671)",
    attack: "madeYouReset",
    scale: 4,
    expect: answeredWith("GOAWAY ENHANCE_YOUR_CALM"),
  },
  {
    name: "h2-pings",
    about: "PING frames without end",
    attack: "pings",
    scale: 4,
    expect: answeredWith("GOAWAY ENHANCE_YOUR_CALM"),
  },
  {
    name: "h2-settings",
    about: "SETTINGS frames without end",
    attack: "settings",
    scale: 4,
    expect: answeredWith("GOAWAY ENHANCE_YOUR_CALM"),
  },
  {
    name: "h2-settings-windows",
    about: "SETTINGS frames that change the windows of 100 streams",
    attack: "settingsChanges",
    scale: 4,
    expect: answeredWith("GOAWAY ENHANCE_YOUR_CALM"),
  },
  {
    name: "h2-priorities",
    about: "PRIORITY frames without end",
    attack: "priorities",
    scale: 4,
    expect: answeredWith("GOAWAY ENHANCE_YOUR_CALM"),
  },
  {
    name: "h2-continuations",
    about: "CONTINUATION frames without END_HEADERS",
    attack: "continuations",
    scale: 4,
    expect: answeredWith("GOAWAY ENHANCE_YOUR_CALM"),
  },
  {
    name: "h2-hpack-bombs",
    about: "blocks of 12 kB that name 47 MB of fields",
    attack: "hpackBombs",
    scale: 4,
    expect: answeredWith("431", "GOAWAY ENHANCE_YOUR_CALM"),
  },
  {
    name: "h2-empty-data",
    about: "empty DATA frames without end",
    attack: "emptyData",
    scale: 4,
    expect: answeredWith("GOAWAY ENHANCE_YOUR_CALM"),
  },
  {
    name: "h2-window-drip",
    about: "windows that open by a byte, again and again",
    attack: "windowDrip",
    scale: 4,
  },
  {
    name: "h2-tunnel",
    about: "4 tunnels that pipe back what floods them",
    attack: "tunnelFlood",
    scale: 4,
  },
  {
    name: "h2-uploads",
    about: "16 endless uploads on 4 connections, as fast as the server takes them",
    attack: "streamUploads",
    scale: 4,
  },
  {
    name: "h2-endless",
    about: "16 endless responses on 4 connections to readers that are fast",
    attack: "endlessStreams",
    scale: 4,
  },
  {
    name: "h2-closed-windows",
    about:
      "20 connections with shut windows, each with 100 responses of 1 MiB, again and again; windowStallTimeout 2 s",
    attack: "closedWindows",
    scale: 20,
    options: { windowStallTimeout: 2_000 },
    leastSeconds: 8,
    memory: 200,
    short: { seconds: 3, scale: 10, options: { windowStallTimeout: 700 } },
  },
  {
    name: "h2-slow-uploads",
    about: "10 connections with 100 uploads each at 260 bytes a second: as many as handlerLimit has places",
    attack: "slowUploads",
    scale: 10,
    leastSeconds: 6,
    short: { seconds: 2 },
  },
  {
    name: "h2-ended-tunnels",
    about: "2 000 tunnels that are opened and ended on one connection",
    attack: "endedTunnels",
    scale: 2_000,
    leastSeconds: 5,
    heldPerPeer: 3,
  },
];
