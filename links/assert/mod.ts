/**
 * `@std/assert` where JSR cannot be reached: the real code, from npm, with the types of what the tests use.
 *
 * @module
 */

// @ts-types="./mod.d.ts"
export * from "npm:deno-std@1.4.0/assert/mod.js";
