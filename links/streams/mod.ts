/**
 * `@std/streams` where JSR cannot be reached: the real code, from npm, with types.
 *
 * @module
 */

// @ts-types="./mod.d.ts"
export * from "npm:deno-std@1.4.0/streams/mod.js";
