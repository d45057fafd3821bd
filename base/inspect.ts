/**
 * How objects show themselves on the console.
 *
 * @module
 */

/** The name of the method that Deno calls for what `console.log` shows of an object. */
export const INSPECT: unique symbol = Symbol.for("Deno.customInspect");

/** A peer as a text: address and port, or what there is of them on a unix socket. */
export function formatPeer(
  { remoteAddress, remotePort }: { readonly remoteAddress: string; readonly remotePort: number | null },
): string {
  return formatEnd(remoteAddress, remotePort);
}

/** One end of a connection as a text. */
export function formatEnd(address: string, port: number | null): string {
  if (port === null) return address === "" ? "a unix socket" : address;
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}
