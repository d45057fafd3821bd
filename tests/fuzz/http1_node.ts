/**
 * The codec of HTTP/1 against Node's parser: no message may be one request to the one and two to the other, or have another body.
 * That Drover refuses more than Node is as it should be; that Node refuses more is told where the reason is known.
 *
 * @module
 */

import { dispatched, type Http1Input, type Parsed, type ParsedMessage, parseHttp1 } from "./http1_codec.ts";
import { makeConnection } from "./http1_grammar.ts";
import { NODE, type NodeMessage, type NodeParsed, NodeParser } from "./node_parser.ts";
import { shorterTexts } from "./shrink.ts";
import { demand, type Outcome, same, type Target } from "./target.ts";

/** The methods that messages are made with, and that Node knows. */
const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE"];

/** What is known of a message that Node refuses and Drover accepts. */
interface Known {
  /** The code of Node's error. */
  readonly code: string;
  /** Whether this message is such a one. */
  readonly applies: (message: ParsedMessage, bytes: string) => boolean;
}

const KNOWN: readonly Known[] = [
  // Node has a list of methods; a token that is not in it is answered 501 here, by the server and not by the codec.
  { code: "HPE_INVALID_METHOD", applies: ({ method }) => !METHODS.includes(method) },
  { code: "HPE_INVALID_VERSION", applies: ({ method }) => method === "PRI" },
  // "SHOULD process the message as if it was in the highest minor version" (RFC 9110 §2.5): Node knows 1.0 and 1.1 alone.
  { code: "HPE_INVALID_VERSION", applies: (_, bytes) => /HTTP\/1\.[2-9]/.test(bytes) },
  // "field-line = field-name ":" OWS field-value OWS" (RFC 9112 §5): behind "chunked" and a length Node takes no tab
  {
    code: "HPE_INVALID_TRANSFER_ENCODING",
    applies: (_, bytes) => /transfer-encoding:[^\r]*chunked[ \t]*\t/i.test(bytes),
  },
  {
    code: "HPE_INVALID_CONTENT_LENGTH",
    applies: (_, bytes) => /content-length:[ \t]*[0-9]+[ \t]*\t/i.test(bytes),
  },
  { code: "HPE_INVALID_CHUNK_SIZE", applies: hasSpacedExtension },
  { code: "HPE_STRICT", applies: hasSpacedExtension },
];

// "chunk-ext = *( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] )" (RFC 9112 §7.1.1): Node takes no white space
function hasSpacedExtension({ trailers }: ParsedMessage, bytes: string): boolean {
  return trailers !== null && /\n[0-9a-f]+(?:[ \t]+;|[^\r]*;[ \t]|[^\r]*[ \t]=|[^\r]*=[ \t])/i.test(bytes);
}

class NodeTarget implements Target<string> {
  readonly name = "http1-node";
  readonly depth = { accepted: [40, 95], labels: 20 } as const;
  readonly #known = new Map<string, NodeParsed>();
  #parser: NodeParser | null = null;

  skip(): string | null {
    return NODE === null ? "node is not installed" : null;
  }

  make(random: Parameters<Target<string>["make"]>[0]): string {
    return makeConnection(random, 60);
  }

  async prepare(inputs: readonly string[]): Promise<void> {
    this.#known.clear();
    this.#parser ??= new NodeParser();
    const parsed = await this.#parser.parse(inputs);
    inputs.forEach((input, index) => this.#known.set(input, parsed[index]!));
  }

  run(input: string): Outcome | Promise<Outcome> {
    const theirs = this.#known.get(input);
    if (theirs !== undefined) return judge(input, theirs);
    return this.prepare([input]).then(() => judge(input, this.#known.get(input)!));
  }

  shrink(input: string): Iterable<string> {
    return shorterTexts(input);
  }

  async stop(): Promise<void> {
    await this.#parser?.stop();
    this.#parser = null;
  }
}

/** Fuzzes the codec of HTTP/1 against Node's. */
export const http1Node: Target<string> = new NodeTarget();

function judge(bytes: string, theirs: NodeParsed): Outcome {
  const ours = parseHttp1({ bytes, cuts: [], limits: {} } satisfies Http1Input);
  const ourMessages = dispatched(ours);
  const theirMessages = theirs.messages.filter(({ complete }) => complete);
  for (const [index, message] of ourMessages.entries()) {
    const other = theirMessages[index];
    if (theirs.messages[index]?.upgrade) break; // Node stops there
    if (other === undefined) {
      demandKnown(message, bytes, theirs);
      break;
    }
    same("what Drover and Node read", ourForm(message), theirForm(other));
  }
  if (theirs.messages.some(({ upgrade }) => upgrade)) return outcomeOf(ours, theirs);
  const more = theirMessages.length > ourMessages.length;
  const ended = ours.status > 0 || ourMessages.at(-1)?.persists === false;
  demand(
    !more || ended,
    `Node reads ${theirMessages.length} requests, Drover waits after ${ourMessages.length}`,
  );
  return outcomeOf(ours, theirs);
}

function demandKnown(message: ParsedMessage, bytes: string, { error }: NodeParsed): void {
  const known = KNOWN.some(({ code, applies }) => code === error && applies(message, bytes));
  demand(known, `Node refuses (${error}) what Drover accepts: ${JSON.stringify(message)}`);
}

function ourForm({ method, target, minor, fields, body, trailers }: ParsedMessage): unknown {
  return { method, target, minor, fields: fields.flat(), trailers: trailers?.flat() ?? [], body };
}

function theirForm({ method, target, minor, fields, body, trailers }: NodeMessage): unknown {
  return { method, target, minor, fields, trailers, body };
}

function outcomeOf({ messages, status }: Parsed, { error }: NodeParsed): Outcome {
  const labels = [`${status || "accepted"}`, error ?? "accepted by Node"];
  return { accepted: messages.length, refused: status > 0 ? 1 : 0, labels };
}
