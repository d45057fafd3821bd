/**
 * What a case of the soak is, and what came out of it.
 *
 * @module
 */

import type { OptionsInit } from "../../mod.ts";
import type { Answers } from "./attack.ts";
import type { Latencies } from "./latency.ts";
import type { ProcessFigures } from "./process_figures.ts";
import type { ServerFigures } from "./server_program.ts";

/** One attack on one server, with what it may cost. */
export interface SoakCase {
  readonly name: string;
  /** What is done, in a few words. */
  readonly about: string;
  /** The attack, by its name in `attacks/all.ts`. */
  readonly attack: string;
  /** How many peers, requests and so on, by the attack's own meaning. */
  readonly scale: number;
  /** Whether it goes over TLS. */
  readonly tls?: boolean;
  /** Options of the server beside those of `server_program.ts`. */
  readonly options?: OptionsInit;
  /** The least time that shows anything, in seconds. */
  readonly leastSeconds?: number;
  /** The descriptors that the server may have. */
  readonly descriptors?: number;
  /** What the normal client asks for: `*` is `OPTIONS *`, which no handler is called for. */
  readonly target?: string;
  /** How many MiB of resident memory the server may grow by, at its highest; 150 when left out, garbage among it. */
  readonly memory?: number;
  /** How many KiB of heap and external memory each peer may hold, where that is the point. */
  readonly heldPerPeer?: number;
  /** Whether the server is stopped under the load. */
  readonly stops?: boolean;
  /** Whether the normal client may have failures: where connections are refused on purpose. */
  readonly refuses?: boolean;
  /** How long the handlers that the attack calls keep the event loop, in milliseconds: no fault of the server. */
  readonly blocks?: number;
  /** Why the normal client's latencies are no measure here, where they are none. */
  readonly noLatency?: string;
  /** Why something of the attack may be there for a while when the attacker has gone, where it may. */
  readonly outlasts?: string;
  /** What differs in the short form that runs with the tests; a case without it is not part of that form. */
  readonly short?: ShortForm;
  /** What else is wrong with an outcome. */
  readonly expect?: (outcome: Outcome) => readonly (string | false)[];
}

/** How a case is made short enough for a test. */
export interface ShortForm {
  readonly seconds: number;
  readonly scale?: number;
  readonly options?: OptionsInit;
}

/** Everything known of the server at one moment; memory in MiB. */
export interface Sample extends ProcessFigures, ServerFigures {}

/** What the normal client saw in one window. */
export interface ClientWindow {
  readonly kept: Latencies;
  readonly fresh: Latencies;
  /** How late the client's own timer was: what the machine, not the server, does to latencies. */
  readonly lag: Latencies;
}

/** What came out of a case. */
export interface Outcome {
  readonly name: string;
  readonly seconds: number;
  /** The normal client: alone, beside a program that burns CPU, under attack, and when the attacker had gone. */
  readonly before: ClientWindow;
  readonly control: ClientWindow;
  readonly during: ClientWindow;
  readonly after: ClientWindow;
  /** The server: before, when all was held that is to be held, and when all had gone. */
  readonly base: Sample;
  readonly held: Sample | null;
  readonly rest: Sample;
  /** The most resident memory in MiB, descriptors and clients during the attack. */
  readonly peak: { readonly resident: number; readonly descriptors: number; readonly clients: number };
  /** The clients when the attack ended, the normal one among them. */
  readonly lastClients: number;
  /** How many peers held what they have at `held`. */
  readonly peers: number;
  /** What was answered. */
  readonly answers: Readonly<Record<string, Answers>>;
  /** CPU of the server and of the attacker under attack, in processors. */
  readonly cpu: { readonly server: number; readonly attacker: number };
  /** The longest time that the server's event loop did not turn, and that the side channel got no answer; milliseconds. */
  readonly stuck: number;
  readonly silent: number;
  /** How long it took until nothing of the attack was left, in milliseconds; `Infinity` when something stayed. */
  readonly settled: number;
  /** How long `stop()` took, in milliseconds; `null` where it was not called. */
  readonly stopped: number | null;
}
