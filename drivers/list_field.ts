/**
 * Field values that are lists (RFC 9110 §5.6.1), and the white space around what is in them.
 *
 * @module
 */

import { Byte } from "./grammar.ts";

// OWS = *( SP / HTAB ) (RFC 9110 §5.6.3): nothing else is trimmed, no-break space or vertical tab least of all
/** Whether a byte, or the code of a character, is white space in a field value. */
export function isOws(code: number): boolean {
  return code === Byte.SP || code === Byte.HTAB;
}

/** A text without the OWS around it. */
export function trimOws(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isOws(text.charCodeAt(start))) start++;
  while (end > start && isOws(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

// #element => [ element ] *( OWS "," OWS [ element ] ) (RFC 9110 §5.6.1.2): a recipient skips empty elements
/** The elements of a list-based field whose elements hold no comma, in lower case. */
export function listElements(value: string): string[] {
  const elements: string[] = [];
  for (const part of value.split(",")) {
    const element = trimOws(part).toLowerCase();
    if (element !== "") elements.push(element);
  }
  return elements;
}
