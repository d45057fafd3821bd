/**
 * The frames that are about the connection or about how its streams are sent, and the settings of both sides.
 *
 * @module
 */

import type { DriverClient } from "../driver.ts";
import type { Budgets } from "./budgets.ts";
import { EarlyPriorities } from "./early_priorities.ts";
import { ConnectionError, ErrorCode } from "./error_code.ts";
import { selfDependency } from "./faults.ts";
import { Flag, type Frame, FrameType } from "./frame.ts";
import { encodePingAck } from "./frames/ping.ts";
import { parsePriority as parsePriorityFrame } from "./frames/priority.ts";
import { parsePriorityUpdate } from "./frames/priority_update.ts";
import { encodeSettings, parseSettings, type Setting, SETTINGS_ACK } from "./frames/settings.ts";
import { encodeWindowUpdate, parseWindowUpdate } from "./frames/window_update.ts";
import type { Life } from "./life.ts";
import { parsePriority, type Priority } from "./priority.ts";
import type { Sender } from "./sender.ts";
import { DEFAULT_WINDOW, PeerSettings, serverSettings, SettingId } from "./settings.ts";
import type { StreamTable } from "./stream_table.ts";
import type { Watch } from "./watch.ts";

/** What it works on. */
export interface ControlParts {
  /** Whose connection it is. */
  readonly client: DriverClient;
  /** The streams. */
  readonly streams: StreamTable;
  /** What is sent by. */
  readonly sender: Sender;
  /** What the peer may do for nothing. */
  readonly budgets: Budgets;
  /** The time limits. */
  readonly watch: Watch;
  /** How the connection ends. */
  readonly life: Life;
}

/** One connection's settings, and what follows from the frames of its peer that carry no message. */
export class Control {
  /** What the peer has asked for. */
  readonly peer: PeerSettings = new PeerSettings();
  /**
   * The window that a new stream starts with: 65,535 until the peer has acknowledged our SETTINGS, then
   * `streamWindowSize`.
   */
  receiveWindow = DEFAULT_WINDOW;
  readonly #parts: ControlParts;
  readonly #priorities = new EarlyPriorities();
  #unacknowledged = 0;
  #introduced = false; // the peer's first SETTINGS have come

  /** @param parts what it works on */
  constructor(parts: ControlParts) {
    this.#parts = parts;
  }

  /** Whether the peer has acknowledged our settings, and so knows them. */
  get acknowledged(): boolean {
    return this.#unacknowledged === 0;
  }

  // "the server connection preface consists of a potentially empty SETTINGS frame that MUST be the first
  // frame the server sends" (RFC 9113 §3.4)
  /** Sends the server's preface, and opens the window of the connection. */
  sendPreface(): void {
    const { client: { options, now }, sender, watch } = this.#parts;
    sender.send(encodeSettings(serverSettings(options)));
    this.#unacknowledged++;
    watch.awaitAcknowledgement(now);
    const increment = options.connectionWindowSize - DEFAULT_WINDOW;
    if (increment > 0) sender.send(encodeWindowUpdate(0, increment));
  }

  /**
   * Takes a frame that belongs to no message, or is of an unknown type.
   *
   * @throws {ConnectionError | StreamError} what is wrong with it
   */
  onFrame(frame: Frame): void {
    const { budgets, client } = this.#parts;
    switch (frame.type) {
      case FrameType.SETTINGS:
        if (!this.#isDue(frame)) budgets.countControl(client.now);
        return this.#onSettings(frame);
      case FrameType.PING:
        budgets.countControl(client.now);
        return this.#onPing(frame);
      case FrameType.PUSH_PROMISE:
        // "A client cannot push. Thus, servers MUST treat the receipt of a PUSH_PROMISE frame as a connection
        // error" (RFC 9113 §8.4)
        throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, "PUSH_PROMISE of a client (RFC 9113 §8.4)");
      case FrameType.CONTINUATION:
        throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, "CONTINUATION of nothing (RFC 9113 §6.10)");
      default:
        budgets.countOddity(client.now);
        return this.#onOddity(frame);
    }
  }

  #onOddity(frame: Frame): void {
    switch (frame.type) {
      case FrameType.GOAWAY:
        // What the client has begun is answered; it opens nothing further, and takes no pushes
        // (RFC 9113 §6.8).
        this.#parts.client.allowsPush = false;
        return this.#parts.life.drain();
      case FrameType.WINDOW_UPDATE:
        return this.#onWindowUpdate(frame);
      case FrameType.PRIORITY_UPDATE:
        return this.#onPriorityUpdate(frame);
      case FrameType.PRIORITY:
        if (parsePriorityFrame(frame).dependency === frame.streamId) throw selfDependency(frame.streamId);
        return;
      default: // "Implementations MUST ignore and discard frames of unknown types." (RFC 9113 §4.1)
    }
  }

  /** Whether the peer has to send this frame: its first SETTINGS, and the acknowledgement of ours. */
  #isDue(frame: Frame): boolean {
    if (frame.has(Flag.ACK)) return this.#unacknowledged > 0;
    const isFirst = !this.#introduced;
    this.#introduced = true;
    return isFirst;
  }

  #onSettings(frame: Frame): void {
    const settings = parseSettings(frame);
    if (frame.has(Flag.ACK)) return this.#onAcknowledged();
    this.takeSettings(settings);
    this.#parts.sender.send(SETTINGS_ACK);
  }

  /** Takes settings of the peer, in their order. */
  takeSettings(settings: readonly Setting[]): void {
    const { peer } = this;
    const { client, sender, streams } = this.#parts;
    const before = peer.initialWindowSize;
    for (const setting of settings) {
      peer.take(setting);
      if (setting[0] === SettingId.HEADER_TABLE_SIZE) sender.applySettings(peer);
    }
    client.allowsPush = peer.enablePush && client.options.push;
    if (peer.initialWindowSize === before) return;
    sender.moveWindows(streams.open, peer.initialWindowSize - before);
  }

  // From here on the peer keeps to our settings (RFC 9113 §6.5.3): until then it had the window that every
  // stream begins with.
  #onAcknowledged(): void {
    if (this.#unacknowledged === 0) return; // nobody asked; it was counted
    this.#unacknowledged--;
    this.#parts.watch.acknowledged();
    this.receiveWindow = this.#parts.client.options.streamWindowSize;
    for (const stream of this.#parts.streams.open) stream.window?.resize(this.receiveWindow);
  }

  // "Receivers of a PING frame that does not include an ACK flag MUST send a PING frame with the ACK flag"
  // (RFC 9113 §6.7)
  #onPing(frame: Frame): void {
    if (frame.has(Flag.ACK)) this.#parts.life.onPong(frame.bytes.subarray(frame.start, frame.end));
    else this.#parts.sender.send(encodePingAck(frame));
  }

  #onWindowUpdate(frame: Frame): void {
    const { sender, streams } = this.#parts;
    if (frame.streamId === 0) return sender.openWindow(parseWindowUpdate(frame));
    const stream = streams.find(frame.streamId, "WINDOW_UPDATE");
    if (stream !== undefined) sender.openStreamWindow(stream, parseWindowUpdate(frame));
  }

  #onPriorityUpdate(frame: Frame): void {
    const { sender, streams } = this.#parts;
    const { streamId, value } = parsePriorityUpdate(frame);
    const stream = streams.get(streamId);
    if (stream !== undefined) sender.reprioritize(stream, parsePriority(value));
    else if (streams.isIdle(streamId)) this.#keepPriority(streamId, value);
  }

  // A push stream that is idle, and more idle streams than may be opened beside the active ones, are each a
  // connection error of type PROTOCOL_ERROR (RFC 9218 §7.1).
  #keepPriority(streamId: number, value: string): void {
    const { client, streams } = this.#parts;
    const room = client.options.concurrentStreamLimit - streams.active;
    const { lastId } = streams;
    const kept = streamId % 2 === 1 &&
      this.#priorities.keep(streamId, parsePriority(value), { lastId, room });
    if (kept) return;
    throw new ConnectionError(
      ErrorCode.PROTOCOL_ERROR,
      "PRIORITY_UPDATE of a stream that the client may not open (RFC 9218 §7.1)",
    );
  }

  /** The priority of a new stream: what a PRIORITY_UPDATE said before it came, or else `given`. */
  priorityOf(streamId: number, given: Priority): Priority {
    return this.#priorities.take(streamId) ?? given;
  }
}
