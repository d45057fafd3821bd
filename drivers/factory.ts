/**
 * Which driver a connection gets.
 *
 * @module
 */

import type { Options } from "../options.ts";
import type { DriverClient, HttpDriver, HttpDriverFactory } from "./driver.ts";
import { HttpDate } from "./http_date.ts";
import { Http1Driver } from "./http1/driver.ts";
import type { Http1Successor } from "./http1/hand_over.ts";
import { ResponseEncoder } from "./http1/response_encoder.ts";
import { BatchPool } from "./http2/batch_pool.ts";
import { Http2Driver } from "./http2/driver.ts";
import { CONNECTION_PREFACE } from "./http2/preface.ts";

/**
 * The factory that a server has unless it is given another. Over TLS the client chooses by ALPN. Without TLS it is HTTP/1,
 * which hands over to HTTP/2 where the connection begins with its preface (RFC 9113 §3.3) or, where `options.http2Upgrade`
 * allows it, on `Upgrade: h2c`. `options.http2` turns HTTP/2 off, or everything else. Wrap it to choose otherwise for some
 * clients.
 */
export class DefaultDriverFactory implements HttpDriverFactory {
  readonly #encoder = new ResponseEncoder();
  readonly #pool = new BatchPool();
  readonly #date = new HttpDate();

  /** What is offered by ALPN. */
  applicationLayerProtocols({ http2 }: Options): readonly string[] {
    if (http2 === "only") return ["h2"];
    return http2 ? ["h2", "http/1.1"] : ["http/1.1"];
  }

  /** Called once for each client, after its TLS handshake. */
  selectDriver({ options, isEncrypted, tlsInfo }: DriverClient): HttpDriver {
    if (options.http2 === "only" || tlsInfo?.alpnProtocol === "h2") return this.#makeHttp2();
    const sniffs = options.http2 && !isEncrypted;
    return new Http1Driver(this.#encoder, sniffs ? this.#successor : null);
  }

  #makeHttp2(): HttpDriver {
    return new Http2Driver({ pool: this.#pool, date: this.#date });
  }

  readonly #successor: Http1Successor = {
    preface: CONNECTION_PREFACE,
    afterPreface: () => this.#makeHttp2(),
    afterUpgrade: (settings, request) =>
      Http2Driver.afterUpgrade(settings, request, { pool: this.#pool, date: this.#date }),
  };
}
