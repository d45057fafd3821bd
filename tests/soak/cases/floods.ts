/**
 * Floods over HTTP/1 and WebSocket.
 *
 * @module
 */

import type { SoakCase } from "../case.ts";
import { answeredWith, counted } from "./expect.ts";

/** The cases. */
export const FLOOD_CASES: readonly SoakCase[] = [
  {
    name: "pipelined",
    about: "pipelined requests without end on 8 connections that read",
    attack: "pipelined",
    scale: 8,
    expect: answeredWith("200"),
    short: { seconds: 1.5 },
  },
  {
    name: "pipelined-tls",
    about: "the same over TLS",
    attack: "pipelined",
    scale: 8,
    tls: true,
    expect: answeredWith("200"),
  },
  {
    name: "pipelined-unread",
    about: "pipelined requests without end on 50 connections that do not read; streamTimeout 3 s",
    attack: "pipelinedUnread",
    scale: 50,
    options: { streamTimeout: 3_000 },
  },
  {
    name: "uploads",
    about: "8 endless uploads, as fast as the server takes them",
    attack: "uploads",
    scale: 8,
  },
  {
    name: "tiny-chunks",
    about: "chunks of one byte on 8 connections",
    attack: "tinyChunks",
    scale: 8,
    expect: answeredWith("400"),
  },
  {
    name: "endless",
    about: "16 endless responses to readers that are fast",
    attack: "endlessResponses",
    scale: 16,
  },
  {
    name: "upgrade-echo",
    about: "4 upgraded connections that pipe back what floods them",
    attack: "upgradedEcho",
    scale: 4,
  },
  {
    name: "too-many-lines",
    about: "687 senders of heads with 12 000 lines: who sees the answer",
    attack: "tooManyLines",
    scale: 687,
    expect: (outcome) => [
      counted(outcome, "431") < counted(outcome, "senders") * 0.95 &&
      `${counted(outcome, "431")} of ${counted(outcome, "senders")} senders saw the 431`,
    ],
  },
  {
    name: "ws-pings",
    about: "one WebSocket that sends empty pings",
    attack: "socketPings",
    scale: 1,
    expect: answeredWith("close 1008"),
    memory: 60,
    short: { seconds: 1.5 },
  },
  {
    name: "ws-pings-tls",
    about: "the same over TLS",
    attack: "socketPings",
    scale: 1,
    expect: answeredWith("close 1008"),
    tls: true,
    memory: 60,
  },
  {
    name: "ws-tiny",
    about: "one WebSocket that sends messages of one byte",
    attack: "tinyMessages",
    scale: 1,
    memory: 60,
  },
  {
    name: "ws-bombs",
    about: "one WebSocket that sends 1 MiB of zeros in a kilobyte, again and again",
    attack: "inflateBombs",
    scale: 1,
    outlasts: "what the system had received is inflated first, as fast as the budget lets it",
    short: { seconds: 1.5 },
  },
  {
    name: "ws-tiny-30",
    about: "the same from 30 sockets, which are what one address may have",
    attack: "tinyMessages",
    scale: 30,
    outlasts: "what the system had received is read first",
  },
  {
    name: "ws-bombs-30",
    about: "bombs from 30 sockets, which are what one address may have",
    attack: "inflateBombs",
    scale: 30,
    outlasts: "what the system had received is inflated first, as fast as the budget lets it",
  },
  {
    name: "ws-echo",
    about: "4 WebSockets that send 60 kB again and again, and read the echo",
    attack: "socketEcho",
    scale: 4,
    memory: 200,
    expect: answeredWith("binary"),
  },
  {
    name: "ws-unread",
    about: "20 WebSockets that do not read what an echo sends back",
    attack: "unreadEcho",
    scale: 20,
  },
];
