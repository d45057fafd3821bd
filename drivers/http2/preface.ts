/**
 * The connection preface of a client (RFC 9113 §3.4).
 *
 * @module
 */

/** The bytes that every client's connection begins with. */
export const CONNECTION_PREFACE: Uint8Array = new TextEncoder().encode("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
