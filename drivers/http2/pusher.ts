/**
 * Server push (RFC 9113 §8.4): what is promised, and how often.
 *
 * @module
 */

import { fieldList } from "../../headers.ts";
import type { DriverClient } from "../driver.ts";
import { HeaderField } from "./hpack/header_field.ts";
import type { Http2Message, MessageInit } from "./message.ts";
import { FieldKind, kindOf, RequestFields } from "./request_fields.ts";
import type { Sender } from "./sender.ts";
import type { PeerSettings } from "./settings.ts";
import type { Http2Stream } from "./stream.ts";
import type { StreamTable } from "./stream_table.ts";

/** How many paths are remembered as pushed; beyond them nothing is pushed on the connection. */
const PUSHED_LIMIT = 1000;

const LAST_STREAM = 2 ** 31 - 2;

/** A promise that was made. */
export interface Promised {
  /** The stream that the response comes on. */
  readonly streamId: number;
  /** The request that it answers. */
  readonly request: Omit<MessageInit, "streamId" | "received">;
}

/** The pushes of one connection. */
export class Pusher {
  readonly #client: DriverClient;
  readonly #sender: Sender;
  readonly #streams: StreamTable;
  readonly #pushed = new Set<string>();
  #open = 0;

  /**
   * @param client whose connection it is
   * @param sender what promises are sent by
   * @param streams its streams
   */
  constructor(client: DriverClient, sender: Sender, streams: StreamTable) {
    this.#client = client;
    this.#sender = sender;
    this.#streams = streams;
  }

  /** A pushed stream is over. */
  onClosed(): void {
    this.#open--;
  }

  /**
   * Promises a response to a GET of `path`, on the authority of `message`.
   *
   * @returns `null` where the peer takes none, or not this one, or not now
   * @throws {TypeError} when the headers have what a request may not
   */
  promise(
    parent: Http2Stream,
    message: Http2Message,
    path: string,
    headers: HeadersInit | undefined,
    peer: PeerSettings,
  ): Promised | null {
    const fields = toFields(headers);
    if (!this.#allows(parent, path, peer)) return null;
    const { authority } = message;
    this.#pushed.add(path);
    this.#open++;
    this.#streams.lastPromisedId += 2;
    this.#send(parent.id, authority, path, fields);
    return {
      streamId: this.#streams.lastPromisedId,
      request: {
        method: "GET",
        target: path,
        resolved: { authority, path },
        protocol: null,
        fields: new RequestFields(fields, 0, authority),
      },
    };
  }

  // "The PUSH_PROMISE frame [...] sent [...] on a stream that is in the "open" or "half-closed (remote)"
  // state" (RFC 9113 §6.6): of a pushed response nothing is pushed.
  #allows(parent: Http2Stream, path: string, peer: PeerSettings): boolean {
    const { allowsPush, options } = this.#client;
    const limit = Math.min(peer.maxConcurrentStreams, options.concurrentStreamLimit);
    return allowsPush && parent.id % 2 === 1 && this.#open < limit &&
      this.#streams.lastPromisedId < LAST_STREAM &&
      this.#pushed.size < PUSHED_LIMIT && !this.#pushed.has(path);
  }

  #send(parentId: number, authority: string, path: string, fields: readonly HeaderField[]): void {
    const { heads } = this.#sender;
    heads.begin(true);
    heads.add(":method", "GET");
    heads.add(":scheme", this.#client.isEncrypted ? "https" : "http");
    heads.add(":authority", authority);
    heads.addUnindexed(":path", path);
    for (const { name, value } of fields) heads.add(name, value);
    this.#sender.send(
      heads.end({ streamId: parentId, endStream: false, promised: this.#streams.lastPromisedId }),
    );
  }
}

function toFields(headers: HeadersInit | undefined): HeaderField[] {
  const list = headers === undefined ? [] : fieldList(new Headers(headers));
  const fields: HeaderField[] = [];
  for (let at = 0; at < list.length; at += 2) {
    const field = new HeaderField(list[at]!, list[at + 1]!);
    const kind = kindOf(field);
    if (kind === FieldKind.Malformed || kind === FieldKind.Host || kind === FieldKind.ContentLength) {
      throw new TypeError(`push: ${field.name} may not stand in a promised request (RFC 9113 §8.4.1)`);
    }
    fields.push(field);
  }
  return fields;
}
