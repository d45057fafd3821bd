/**
 * Memory in which frames of data are put together, shared by the connections of a server.
 *
 * @module
 */

import { MemoryPool } from "../../memory.ts";

/** How large a batch is, in bytes: the larger, the fewer writes. */
const BATCH_SIZE = 112 * 1024;
const KEPT = 16;

/** Memory for batches: a piece is out only while its bytes are being written. */
export class BatchPool extends MemoryPool {
  /** Makes an empty pool. */
  constructor() {
    super(BATCH_SIZE, KEPT);
  }
}
