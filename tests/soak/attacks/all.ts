/**
 * All attacks by name.
 *
 * @module
 */

import type { AttackBody } from "../attack.ts";
import * as accept from "./accept.ts";
import * as floods from "./floods.ts";
import * as http2Floods from "./http2_floods.ts";
import * as http2Streams from "./http2_streams.ts";
import * as leaving from "./leaving.ts";
import { fuzzed, misdeeds, mixedRequests } from "./mixed.ts";
import * as slow from "./slow.ts";
import * as websocket from "./websocket.ts";

/** What can be done to a server. */
export const ATTACKS: Readonly<Record<string, AttackBody>> = {
  ...accept,
  ...floods,
  ...http2Floods,
  ...http2Streams,
  ...leaving,
  ...slow,
  ...websocket,
  fuzzed,
  misdeeds,
  mixedRequests,
};
