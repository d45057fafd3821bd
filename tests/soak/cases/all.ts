/**
 * All cases of the soak, in the order of the run.
 *
 * @module
 */

import type { SoakCase } from "../case.ts";
import { CONNECTION_CASES } from "./connections.ts";
import { FLOOD_CASES } from "./floods.ts";
import { HTTP2_CASES } from "./http2.ts";
import { LEAVING_CASES } from "./leaving.ts";
import { MIXED_CASES } from "./mixed.ts";

/** All cases. */
export const CASES: readonly SoakCase[] = [
  ...CONNECTION_CASES,
  ...FLOOD_CASES,
  ...HTTP2_CASES,
  ...LEAVING_CASES,
  ...MIXED_CASES,
];
