/**
 * The networks that clients come from (RFC 9112 §9.4). A network is one IPv4 address, or the first 56 bits of
 * an IPv6 address, because a provider gives one site about as many (RFC 6177). On loopback addresses and unix
 * sockets each connection is a network of its own, because the peer there is usually the operator's own
 * proxy.
 *
 * @module
 */

import { NetworkLoad } from "./load.ts";

/** The networks that have connections, or handlers that still run. */
export class Networks {
  readonly #loads = new Map<string, NetworkLoad>();

  /**
   * Counts one more connection from an address (`null` on a unix socket). Returns the load of its network.
   */
  enter(address: string | null): NetworkLoad {
    const name = networkOf(address);
    const load = name === null ? new NetworkLoad() : this.#find(name);
    load.connections++;
    return load;
  }

  /** Counts one connection less. */
  leave(load: NetworkLoad): void {
    load.connections--;
    load.settle();
  }

  #find(name: string): NetworkLoad {
    const known = this.#loads.get(name);
    if (known !== undefined) return known;
    const load = new NetworkLoad(() => void this.#loads.delete(name));
    this.#loads.set(name, load);
    return load;
  }
}

const MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;

/** Returns the name of the network of an address, or `null` for an address that is not counted. */
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
