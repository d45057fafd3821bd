/**
 * Certificates for tests, made by openssl.
 *
 * @module
 */

import { assert } from "../support/assert.ts";
import { findTool, runTool } from "../support/tools.ts";

/** A certificate for `localhost` and `127.0.0.1`, its key, and the authority that signed it, all PEM. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
  readonly authority: string;
}

/** Where openssl is; `null` where it is not installed. */
export const openssl: string | null = findTool("openssl");

/** Makes an authority and one certificate signed by it. */
export async function makeCertificate(path: string): Promise<Certificate> {
  const folder = await Deno.makeTempDir();
  try {
    const file = (name: string) => `${folder}/${name}`;
    const run = async (...args: readonly string[]) => {
      const { code, stderr } = await runTool(path, args);
      assert(code === 0, `openssl ${args[0]} succeeds: ${stderr}`);
    };
    const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    await run(
      "req",
      "-x509",
      ...newKey,
      "-subj",
      "/CN=test authority",
      "-days",
      "2",
      "-keyout",
      file("ca.key"),
      "-out",
      file("ca.pem"),
    );
    await run(
      "req",
      "-new",
      ...newKey,
      "-subj",
      "/CN=localhost",
      "-keyout",
      file("key.pem"),
      "-out",
      file("request.pem"),
    );
    await Deno.writeTextFile(
      file("extensions"),
      "subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n",
    );
    await run(
      "x509",
      "-req",
      "-in",
      file("request.pem"),
      "-CA",
      file("ca.pem"),
      "-CAkey",
      file("ca.key"),
      "-set_serial",
      "2",
      "-days",
      "2",
      "-extfile",
      file("extensions"),
      "-out",
      file("cert.pem"),
    );
    const [cert, key, authority] = await Promise.all(
      ["cert.pem", "key.pem", "ca.pem"].map((name) => Deno.readTextFile(file(name))),
    );
    assert(cert && key && authority, "openssl wrote the certificate");
    return { cert, key, authority };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
