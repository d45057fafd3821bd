/**
 * Connections per address (RFC 9112 §9.4): IPv4 by address, IPv6 by its first 56 bits, which is what one site
 * is given (RFC 6177). The loopback addresses and unix sockets are not counted: behind them are proxies of
 * one's own.
 *
 * @module
 */

/** Counts connections by the network that they come from. */
export class AddressCounter {
  readonly #counts = new Map<string, number>();

  /** Counts one more, unless there are `limit` already. */
  add(address: string | null, limit: number): boolean {
    const network = networkOf(address);
    if (network === null) return true;
    const count = this.#counts.get(network) ?? 0;
    if (count >= limit) return false;
    this.#counts.set(network, count + 1);
    return true;
  }

  /** Counts one less. */
  delete(address: string | null): void {
    const network = networkOf(address);
    if (network === null) return;
    const count = this.#counts.get(network) ?? 0;
    if (count > 1) this.#counts.set(network, count - 1);
    else this.#counts.delete(network);
  }
}

const MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;

/** What is counted together with an address; `null` when it is not counted. */
export function networkOf(address: string | null): string | null {
  if (address === null || address === "") return null;
  const v4 = MAPPED.exec(address)?.[1] ?? address;
  if (v4.startsWith("127.") || v4 === "::1") return null;
  return v4.includes(":") ? first56Bits(v4) : v4;
}

function first56Bits(address: string): string {
  const [head = "", tail] = address.split("%")[0]!.split("::");
  const groups = head === "" ? [] : head.split(":");
  const rest = tail === undefined || tail === "" ? [] : tail.split(":");
  while (tail !== undefined && groups.length + rest.length < 8) groups.push("0");
  const full = [...groups, ...rest].map((group) => group.padStart(4, "0").toLowerCase());
  return `${full.slice(0, 3).join(":")}:${(full[3] ?? "0000").slice(0, 2)}::/56`;
}
