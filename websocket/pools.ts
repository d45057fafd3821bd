/**
 * Memory that the sockets of the process share: one that is silent holds little. Nothing of a connection
 * stays in it. It is the process's and not the server's, because what a driver hands over has no pool.
 *
 * @module
 */

import { MemoryPool } from "../memory.ts";
import { WritePool } from "../write_queue.ts";

/** How much a socket reads at once while its peer sends much, in bytes. */
export const LARGE_READ: number = 64 * 1024;

const KEPT_READS = 16;

/** What sockets read into while their peers send much. */
export const READS: MemoryPool = new MemoryPool(LARGE_READ, KEPT_READS);

/** What sockets write with. */
export const WRITES: WritePool = new WritePool();
