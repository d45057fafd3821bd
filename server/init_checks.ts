/**
 * The checks of what a server is made with beside its options.
 *
 * @module
 */

import { show } from "../base/option_checks.ts";
import type { OptionsInit } from "../options.ts";

/** @throws {TypeError} unless a member that may be left out is a function */
export function checkFunction(name: string, value: unknown): void {
  if (value == null || typeof value === "function") return;
  throw new TypeError(`${name} is ${show(value)}, but must be a function`);
}

/** @throws {TypeError} unless a `driverFactory` has the functions of one */
export function checkFactory(factory: unknown): void {
  if (factory == null) return;
  const { applicationLayerProtocols, selectDriver } = Object(factory) as Record<string, unknown>;
  if (typeof applicationLayerProtocols === "function" && typeof selectDriver === "function") return;
  throw new TypeError(
    `driverFactory is ${
      show(factory)
    }, but must have the functions applicationLayerProtocols and selectDriver`,
  );
}

/** The options that hold for all listeners together. */
const OF_SERVER = ["handlerLimit", "handlerQueueLimit", "handlerQueueTimeout", "shutdownTimeout"] as const;

/** @throws {TypeError} if an option of the whole server is given for one listener */
export function checkListenerOptions(options: OptionsInit): void {
  for (const name of OF_SERVER) {
    if (options[name] === undefined) continue;
    throw new TypeError(
      `listen: ${name} holds for all listeners of a server: give it to new HttpServer(), or to serve()`,
    );
  }
}
