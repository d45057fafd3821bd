/**
 * All that is fuzzed.
 *
 * @module
 */

import { endings } from "./endings.ts";
import { hpackDecoder, hpackEncoder } from "./hpack.ts";
import { http1Codec } from "./http1_codec.ts";
import { http1Driver } from "./http1_driver.ts";
import { http1Node } from "./http1_node.ts";
import { http1Response } from "./http1_response.ts";
import { http2Encoders, http2Frames } from "./http2_frames.ts";
import { http2Driver } from "./http2_driver.ts";
import { http2Head } from "./http2_head.ts";
import { priority } from "./priority.ts";
import { state } from "./state.ts";
import type { Target } from "./target.ts";
import { webSocketCodec, webSocketDeflate } from "./websocket_codec.ts";
import { webSocketDriver } from "./websocket_driver.ts";

/** All targets: codecs first, then whole servers. */
export const TARGETS: readonly Target<unknown>[] = [
  http1Codec,
  http1Node,
  hpackEncoder,
  hpackDecoder,
  http2Frames,
  http2Encoders,
  http2Head,
  priority,
  webSocketCodec,
  webSocketDeflate,
  http1Driver,
  http1Response,
  http2Driver,
  webSocketDriver,
  state,
  endings,
];
