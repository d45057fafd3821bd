/**
 * The part of the server that belongs to one client.
 *
 * @module
 */

import type { EventLoopShare } from "../base/event_loop_share.ts";
import type { ClientOwner, RemoteClient } from "../client.ts";
import type { SlowReaders } from "../client/slow_readers.ts";
import type { DeadlineQueue } from "../deadlines.ts";
import type { HttpError } from "../errors.ts";
import type { ServerRequest } from "../request.ts";
import type { WritePool } from "../write_queue.ts";
import { ClientLoad } from "./load.ts";

type Answer = globalThis.Response | Promise<globalThis.Response>;

/** The parts of the server that all members share. */
export interface MemberHost extends Omit<ClientOwner, "close" | "dispatch"> {
  /** Closes the connection of a client, and forgets the client when the descriptor is free. */
  close(client: RemoteClient, member: Member): void;
  /** Passes a request of a member to the handler. Never throws and never rejects. */
  dispatch(request: ServerRequest, member: Member): Answer;
}

/** The server as one client sees it, and the load that the server counts for this client. */
export class Member extends ClientLoad implements ClientOwner {
  /** @inheritdoc */
  readonly deadlines: DeadlineQueue;
  /** @inheritdoc */
  readonly share: EventLoopShare;
  /** @inheritdoc */
  readonly writes: WritePool;
  /** @inheritdoc */
  readonly slowReaders: SlowReaders;
  readonly #host: MemberHost;

  /** @param host the server */
  constructor(host: MemberHost) {
    super();
    this.#host = host;
    this.deadlines = host.deadlines;
    this.share = host.share;
    this.writes = host.writes;
    this.slowReaders = host.slowReaders;
  }

  /** @inheritdoc */
  close(client: RemoteClient): void {
    this.#host.close(client, this);
  }

  /** @inheritdoc */
  dispatch(request: ServerRequest): Answer {
    return this.#host.dispatch(request, this);
  }

  /** @inheritdoc */
  renderError(error: HttpError, request: ServerRequest | null): Answer {
    return this.#host.renderError(error, request);
  }

  /** @inheritdoc */
  renderFailure(error: unknown, request: ServerRequest | null): Answer {
    return this.#host.renderFailure(error, request);
  }

  /** @inheritdoc */
  report(error: unknown, request: ServerRequest | null): void {
    this.#host.report(error, request);
  }
}
