/**
 * Certificates and keys as text (RFC 7468): what is no such text is said to be what it is.
 *
 * @module
 */

const CERTIFICATE = /-----BEGIN CERTIFICATE-----/;
const PRIVATE_KEY = /-----BEGIN (?:RSA |EC )?PRIVATE KEY-----/;
const ENCRYPTED_KEY = /-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m;

/**
 * Checks that a certificate and a key are such, as far as can be seen without reading them.
 *
 * @throws {TypeError} saying what was given instead. The text itself is never shown, because it may be a key.
 */
export function checkPem(cert: unknown, key: unknown): void {
  if (typeof cert !== "string" || typeof key !== "string") {
    const name = typeof cert === "string" ? "key" : "cert";
    throw new TypeError(
      `listen: ${name} must be a text: decode the bytes of the file (Deno.readTextFileSync)`,
    );
  }
  if (ENCRYPTED_KEY.test(key)) {
    throw new TypeError("listen: key is encrypted: decrypt it first (openssl pkey -in FILE)");
  }
  if (PRIVATE_KEY.test(cert) && CERTIFICATE.test(key) && !CERTIFICATE.test(cert)) {
    throw new TypeError("listen: cert is a private key, and key a certificate: exchange them");
  }
  if (!CERTIFICATE.test(cert)) throw notPem("cert", cert, "-----BEGIN CERTIFICATE-----");
  if (!PRIVATE_KEY.test(key)) throw notPem("key", key, "-----BEGIN PRIVATE KEY-----");
}

function notPem(name: string, text: string, begin: string): TypeError {
  if (FILE_NAME.test(text)) {
    return new TypeError(
      `listen: ${name} is ${JSON.stringify(text)}, which looks like a path: ` +
        "give what is in the file (Deno.readTextFileSync)",
    );
  }
  return new TypeError(`listen: ${name} has no ${begin}: it must be the text of a PEM file, not its path`);
}

/** One line that ends as the name of a file does, which no part of a key in base64 can. */
const FILE_NAME = /^[^\r\n]{1,4096}\.(?:pem|crt|cer|cert|key|der|p12|pfx)$/i;
