export function toArrayBuffer(stream: ReadableStream<Uint8Array>): Promise<ArrayBuffer>;
export function toBytes(stream: ReadableStream<Uint8Array>): Promise<Uint8Array<ArrayBuffer>>;
export function toJson(stream: ReadableStream): Promise<unknown>;
export function toText(stream: ReadableStream): Promise<string>;
