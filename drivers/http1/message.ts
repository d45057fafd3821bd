/**
 * One request on an HTTP/1 connection, and how far it and its response have come.
 *
 * @module
 */

import type { ServerRequest } from "../../request.ts";
import type { FieldLines } from "../../headers.ts";
import { type Protocol, RequestMessage } from "../../message.ts";
import type { RequestBody } from "../../request_body.ts";
import type { DriverClient } from "../driver.ts";
import type { BodyDecoder } from "./body.ts";
import { listElements } from "../list_field.ts";
import type { RequestPlan } from "./request_plan.ts";

/**
 * How far a response has come. The parser takes the next request when it is done and the request's body was received.
 *
 * ```text
 *              head queued               last byte queued
 *  ▶ awaited ─────────────▶ writing ─────────────▶ done
 * ```
 */
export type ResponseState = "awaited" | "writing" | "done";

/** What a driver does for a request when its handler asks. */
export interface MessageHooks {
  /** Sends an informational response. */
  inform(message: Http1Message, status: number, headers: HeadersInit | undefined): void;
}

/** A request that came over HTTP/1.0 or 1.1. */
export class Http1Message extends RequestMessage {
  /** @inheritdoc */
  override readonly client: DriverClient;
  /** @inheritdoc */
  override readonly method: string;
  /** @inheritdoc */
  override readonly target: string;
  /** @inheritdoc */
  override readonly fields: FieldLines;
  /** The minor version: 0 or 1. */
  readonly minor: 0 | 1;
  /** Takes the body out of the input; `null` when there is none. */
  decoder: BodyDecoder | null = null;
  /** @inheritdoc */
  override body: RequestBody | null = null;
  /** The web object that the handler was given. */
  request: ServerRequest | null = null;
  /** How far the response has come. */
  response: ResponseState = "awaited";
  /** Settles when all of the response is queued; `null` while or where nobody has to wait for it. */
  written: Promise<null> | null = null;
  /** Whether the client waits for `100 (Continue)`. */
  awaitsContinue = false;
  /** Whether the rest of the body is left unread, and the connection ends. */
  abandoned = false;
  /** Bytes received while the body was waited for. */
  bytesReceived = 0;
  /** Milliseconds for which the body was waited for. */
  timeWaited = 0;
  /** Paths to be preloaded: for the `link` field of the response. */
  preloads: string[] | null = null;
  /** Bytes of the body that were dropped, since nobody reads it. */
  bytesDrained = 0;
  readonly #plan: RequestPlan;
  readonly #hooks: MessageHooks;

  /** @param client who sent it; @param plan what it asks for; @param hooks the driver */
  constructor(client: DriverClient, plan: RequestPlan, hooks: MessageHooks) {
    super();
    const { head } = plan;
    this.client = client;
    this.method = head.method;
    this.target = head.target;
    this.fields = plan.fields;
    this.minor = head.minor;
    this.#plan = plan;
    this.#hooks = hooks;
  }

  /** @inheritdoc */
  override get protocol(): Protocol {
    return this.minor === 1 ? "HTTP/1.1" : "HTTP/1.0";
  }

  /** @inheritdoc */
  override get url(): string {
    return this.#plan.url;
  }

  /** @inheritdoc */
  override get received(): boolean {
    return this.decoder === null;
  }

  /** All of the request was received. */
  override end(section: FieldLines | null): void {
    this.decoder = null;
    super.end(section);
  }

  /** @inheritdoc */
  override inform(status: number, headers?: HeadersInit): void {
    this.#hooks.inform(this, status, headers);
  }

  /** Extended CONNECT is HTTP/2's. */
  override get extendedProtocol(): null {
    return null;
  }

  /** HTTP/1 has no push: the response tells what to load. */
  override push(path: string): boolean {
    (this.preloads ??= []).push(path);
    return false;
  }

  /** @inheritdoc */
  override checkUpgrade(): void {
    super.checkUpgrade();
    if (!this.received) throw new TypeError("exchange.upgrade: read the body of the request first");
    if (this.method === "CONNECT") return;
    const asked = this.fields.get("upgrade") !== null &&
      listElements(this.fields.get("connection") ?? "").includes("upgrade");
    // "A server MUST ignore an Upgrade header field that is received in an HTTP/1.0 request." (RFC 9110 §7.8)
    if (asked && this.minor === 1) return;
    throw new TypeError("exchange.upgrade: the client has not asked for another protocol (RFC 9110 §7.8)");
  }
}
