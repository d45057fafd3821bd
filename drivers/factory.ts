/**
 * Which driver a connection gets.
 *
 * @module
 */

import type { DriverClient, HttpDriver, HttpDriverFactory } from "./driver.ts";
import { Http1Driver } from "./http1/driver.ts";
import { ResponseEncoder } from "./http1/response_encoder.ts";

/**
 * The factory that a server has unless it is given another: HTTP/1 for every connection. Wrap it to choose otherwise for
 * some clients.
 */
export class DefaultDriverFactory implements HttpDriverFactory {
  /** What is offered by ALPN. */
  readonly applicationLayerProtocols: readonly string[] = ["http/1.1"];
  readonly #encoder = new ResponseEncoder();

  /** Called once for each client, after its TLS handshake. */
  selectDriver(_client: DriverClient): HttpDriver {
    return new Http1Driver(this.#encoder);
  }
}
