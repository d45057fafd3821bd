/**
 * Takes the platform's inner workings from Drover: `deno test --preload tests/support/without_symbols.ts`
 * runs tests on the fallbacks, which are there for a platform whose inner workings have changed.
 *
 * @module
 */

Object.getOwnPropertySymbols = () => [];
