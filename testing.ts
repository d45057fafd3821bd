/**
 * Connections in memory, for tests of handlers, drivers and whole servers without a socket.
 *
 * @module
 */

export {
  type ConnectionPair,
  connectionPair,
  type ConnectionPairOptions,
  MemoryConnection,
} from "./transports/memory.ts";
