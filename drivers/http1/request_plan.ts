/**
 * What a head asks for: where it is for (RFC 9112 §3.2, `target.ts`), how its body is framed (RFC 9112 §6.3, `framing.ts`), what
 * it expects (RFC 9110 §10.1.1) and whether the connection goes on behind it (RFC 9112 §9.3, both in `control_options.ts`).
 *
 * @module
 */

import type { FieldLines } from "../../headers.ts";
import { AuthorityParser, type RequestTarget, targetUri } from "../authority.ts";
import { HostedFields } from "./fields.ts";
import { expectsContinue, isPersistent } from "./control_options.ts";
import { type Framing, requestFraming } from "./framing.ts";
import type { RequestHead } from "./head.ts";
import { resolveTarget } from "./target.ts";

/** What one head asks for. */
export class RequestPlan {
  /** The head. */
  readonly head: RequestHead;
  /** The header section, in which `host` reads as the target has it. */
  readonly fields: FieldLines;
  /** How the body is framed (RFC 9112 §6.3). */
  readonly framing: Framing;
  /** Whether the client waits for `100 (Continue)` (RFC 9110 §10.1.1). */
  readonly expectsContinue: boolean;
  /** Whether the connection goes on (RFC 9112 §9.3). */
  readonly persists: boolean;
  readonly #scheme: string;
  readonly #target: RequestTarget;
  #url: string | null = null;

  /**
   * @param head the head; @param scheme the connection's; @param target what the head points to
   * @throws {HttpError} 400, 417, 501
   */
  constructor(head: RequestHead, scheme: string, target: RequestTarget) {
    this.head = head;
    this.fields = target.host === undefined ? head.fields : new HostedFields(head.fields, target.host);
    this.framing = requestFraming(head.control, head.minor);
    this.expectsContinue = expectsContinue(head);
    this.persists = isPersistent(head);
    this.#scheme = scheme;
    this.#target = target;
  }

  /** The absolute target URI (RFC 9110 §7.1), in the form that `new URL()` gives. */
  get url(): string {
    this.#url ??= targetUri(this.#scheme, this.#target);
    return this.#url;
  }
}

/** Plans for the heads of one connection: a head that is kept keeps its plan. */
export class RequestPlanner {
  readonly #scheme: string;
  readonly #fallback: () => string;
  readonly #authorities: AuthorityParser;
  #last: RequestPlan | null = null;

  /** @param scheme the connection's; @param fallback gives the authority for an HTTP/1.0 request without `Host` */
  constructor(scheme: "http" | "https", fallback: () => string) {
    this.#scheme = scheme;
    this.#fallback = fallback;
    this.#authorities = new AuthorityParser(scheme);
  }

  /**
   * What a head asks for.
   *
   * @throws {HttpError} 400, 417, 421, 501
   */
  plan(head: RequestHead): RequestPlan {
    if (this.#last?.head === head) return this.#last;
    const target = resolveTarget(head, this.#scheme, this.#fallback, this.#authorities);
    const plan = new RequestPlan(head, this.#scheme, target);
    this.#last = head.kept ? plan : null;
    return plan;
  }
}
