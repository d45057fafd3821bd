/**
 * One request of an HTTP/2 connection.
 *
 * @module
 */

import type { FieldLines } from "../../headers.ts";
import { type Protocol, RequestMessage } from "../../message.ts";
import type { ServerRequest } from "../../request.ts";
import type { RequestBody } from "../../request_body.ts";
import type { DriverClient } from "../driver.ts";
import { type RequestTarget, targetUri } from "../authority.ts";

/** What a driver does for a request when its handler asks. */
export interface MessageHooks {
  /** Sends an informational response. */
  inform(message: Http2Message, status: number, headers: HeadersInit | undefined): void;
  /** Promises a response to `path`; says whether the peer takes it. */
  push(message: Http2Message, path: string, headers: HeadersInit | undefined): boolean;
}

/** What a message is made of. */
export interface MessageInit {
  /** The stream. */
  readonly streamId: number;
  /** Whether all of it was received. */
  readonly received: boolean;
  /** The method. */
  readonly method: string;
  /** `:path`, or `:authority` for CONNECT. */
  readonly target: string;
  /** Where it points; or else `carried`. */
  readonly resolved?: RequestTarget;
  /** The request of another version that it was. */
  readonly carried?: RequestMessage;
  /** The `:protocol` of an extended CONNECT, or `null`. */
  readonly protocol: string | null;
  /** The header section. */
  readonly fields: FieldLines;
}

/** A request that came over HTTP/2, or that a push has promised. */
export class Http2Message extends RequestMessage {
  /** @inheritdoc */
  override readonly client: DriverClient;
  /** @inheritdoc */
  override readonly method: string;
  /** @inheritdoc */
  override readonly target: string;
  /** @inheritdoc */
  override readonly fields: FieldLines;
  /** @inheritdoc */
  override body: RequestBody | null = null;
  /** The stream that it came on. */
  readonly streamId: number;
  /** @inheritdoc */
  override received: boolean;
  /** The web object that the handler was given. */
  request: ServerRequest | null = null;
  /** Paths that were promised or are to be preloaded: for the `link` field of the response. */
  preloads: string[] | null = null;
  readonly #resolved: RequestTarget | null;
  readonly #carried: RequestMessage | null;
  readonly #hooks: MessageHooks;
  readonly #extended: string | null;
  #url: string | null = null;

  /** @param client who sent it; @param init its parts; @param hooks the driver */
  constructor(client: DriverClient, init: MessageInit, hooks: MessageHooks) {
    super();
    this.client = client;
    this.streamId = init.streamId;
    this.received = init.received;
    this.method = init.method;
    this.target = init.target;
    this.fields = init.fields;
    this.#resolved = init.resolved ?? null;
    this.#carried = init.carried ?? null;
    this.#extended = init.protocol;
    this.#hooks = hooks;
  }

  /** @inheritdoc */
  override get protocol(): Protocol {
    return "HTTP/2";
  }

  /** @inheritdoc */
  override get extendedProtocol(): string | null {
    return this.#extended;
  }

  /** Host and port that it is for. */
  get authority(): string {
    return this.#resolved?.authority ?? new URL(this.url).host;
  }

  /** @inheritdoc */
  override get url(): string {
    this.#url ??= this.#resolved === null
      ? this.#carried!.url
      : targetUri(this.client.isEncrypted ? "https" : "http", this.#resolved);
    return this.#url;
  }

  /** @inheritdoc */
  override get trailers(): Promise<Headers> {
    return this.#carried === null ? super.trailers : this.#carried.trailers;
  }

  /** All of the request was received. */
  override end(section: FieldLines | null): void {
    this.received = true;
    super.end(section);
  }

  /** @inheritdoc */
  override inform(status: number, headers?: HeadersInit): void {
    this.#hooks.inform(this, status, headers);
  }

  /** @inheritdoc */
  override push(path: string, headers?: HeadersInit): boolean {
    return this.#hooks.push(this, path, headers);
  }

  /** @inheritdoc */
  override checkUpgrade(): void {
    super.checkUpgrade();
    if (this.method === "CONNECT") return;
    throw new TypeError("exchange.upgrade: over HTTP/2 only CONNECT can be taken over (RFC 9113 §8.5)");
  }
}
