/**
 * Memory that all sockets of the process share, so that a silent socket holds little. The memory keeps
 * nothing of a connection that has returned it. The pools belong to the process, because an
 * `UpgradedConnection` does not know the pools of its server.
 *
 * @module
 */

import { MemoryPool } from "../memory.ts";
import { WritePool } from "../write_queue.ts";

/** The size of a read while the peer sends much, in bytes. */
export const LARGE_READ: number = 64 * 1024;

const KEPT_READS = 16;

/** The memory into which sockets read while their peers send much. */
export const READS: MemoryPool = new MemoryPool(LARGE_READ, KEPT_READS);

/** The memory and the write turns of all sockets. */
export const WRITES: WritePool = new WritePool();
