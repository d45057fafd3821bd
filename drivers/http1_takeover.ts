/**
 * Hands an HTTP/1 connection over to what the handler has asked for, once the head before it was written.
 *
 * @module
 */

import { ClientDisconnectedError } from "../errors.ts";
import { ignore, type UpgradeHandler } from "../message.ts";
import type { ServerRequest } from "../request.ts";
import { UpgradedConnection } from "../upgraded_connection.ts";
import type { DriverClient } from "./driver.ts";

/** What is needed of the request. */
interface Upgrading {
  readonly upgradeHandler: UpgradeHandler | null;
  readonly request: ServerRequest | null;
}

/** One connection on its way into other hands. */
export class Takeover {
  readonly #client: DriverClient;
  readonly #message: Upgrading;
  readonly #done = Promise.withResolvers<void>();

  /** Begins: the head is queued next. */
  constructor(client: DriverClient, message: Upgrading) {
    this.#client = client;
    this.#message = message;
    this.#done.promise.catch(ignore); // whoever waits is told; nobody has to
    client.onWriteDrain = () => this.#handOver();
  }

  /** Resolves when the connection was handed over; rejects when it was gone before. */
  get done(): Promise<void> {
    return this.#done.promise;
  }

  /** The connection is gone. */
  fail(error: unknown): void {
    this.#done.reject(error);
  }

  #handOver(): void {
    const client = this.#client;
    client.onWriteDrain = null;
    const { tlsInfo, stopSignal: signal, turns } = client;
    const connection = new UpgradedConnection(client.export(), { tlsInfo, signal, turns });
    this.#done.resolve();
    Promise.resolve(connection).then(this.#message.upgradeHandler!).catch((error) => {
      if (!(error instanceof ClientDisconnectedError)) client.report(error, this.#message.request);
      connection.close();
    });
  }
}
