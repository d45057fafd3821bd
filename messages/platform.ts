/**
 * Uses of the platform's web classes beyond their public interface, and the trials that show whether they
 * work.
 *
 * @module
 */

/**
 * Runs a trial of the platform's inner workings, which may change with any release. A trial that throws has
 * failed.
 */
export function holds(trial: () => boolean): boolean {
  try {
    return trial();
  } catch {
    return false;
  }
}

/** Says how the instances of a class stand in for those of a web class. */
export interface Impersonation<T extends object> {
  /** The class whose instances stand in. */
  readonly target: { readonly prototype: T };
  /** An instance of the web class. Accessors that `target` lacks are answered by it. */
  readonly sample: object;
  /** Gives the real object behind an instance. The web class's functions work on that object. */
  readonly toReal: (instance: T) => object;
}

/**
 * Makes instances of `target` pass for those of a web class. The prototype of `target` inherits the web
 * class's prototype, and the own symbol properties that `sample` is found to have are forwarded to the real
 * object.
 */
export function impersonate<T extends object>({ target, sample, toReal }: Impersonation<T>): void {
  const { prototype } = target;
  const web: object = Object.getPrototypeOf(sample);
  Reflect.deleteProperty(prototype, "constructor"); // the web class's constructor is inherited
  for (const name of Object.getOwnPropertyNames(prototype)) {
    const enumerable = Object.getOwnPropertyDescriptor(web, name)?.enumerable ?? false;
    Object.defineProperty(prototype, name, { enumerable });
  }
  Object.setPrototypeOf(prototype, web);
  for (const symbol of Object.getOwnPropertySymbols(sample)) {
    Object.defineProperty(prototype, symbol, forwarded(symbol, sample, toReal));
  }
  for (const [name, member] of Object.entries(Object.getOwnPropertyDescriptors(web))) {
    if (member.get === undefined || Object.hasOwn(prototype, name)) continue;
    const { enumerable = false } = member;
    Object.defineProperty(prototype, name, {
      configurable: true,
      enumerable,
      get: () => Reflect.get(sample, name),
    });
  }
}

function forwarded<T extends object>(
  symbol: symbol,
  sample: object,
  toReal: (instance: T) => object,
): PropertyDescriptor {
  const value: unknown = Reflect.get(sample, symbol);
  if (typeof value === "symbol") return { configurable: true, value }; // the brand, which all instances share
  return {
    configurable: true,
    get(this: T): unknown {
      return Reflect.get(toReal(this), symbol);
    },
    set(this: T, value: unknown): void {
      Reflect.set(toReal(this), symbol, value);
    },
  };
}
