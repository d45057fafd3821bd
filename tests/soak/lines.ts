/**
 * How the processes of the soak talk: one JSON object per line, a command with its number in, an answer with that number out.
 *
 * @module
 */

/** One line from a child: what happened, and the figures that belong to the event. */
export interface Message {
  /** `"answer"` for the answer to a command, or the name of the event. */
  readonly event: string;
  /** The number of the command that is answered. */
  readonly id?: number;
  /** The figures. */
  readonly data?: unknown;
}

/** Prints an event for the parent. */
export function tell(event: string, data?: unknown): void {
  console.log(JSON.stringify({ event, data }));
}

/**
 * Answers the parent's commands until the parent closes its end, or ends.
 *
 * @param answer is given the words of the command; the value returned is the answer
 */
export async function answerCommands(answer: (words: readonly string[]) => unknown): Promise<void> {
  for await (const line of splitLines(Deno.stdin.readable)) {
    const [id, ...words] = line.split(" ");
    const data = await answer(words);
    console.log(JSON.stringify({ event: "answer", id: Number(id), data }));
  }
}

/** The lines of a stream of bytes. */
export async function* splitLines(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
}
