/**
 * A certificate in files, for servers in processes of their own.
 *
 * @module
 */

import { type Certificate, makeCertificate } from "../attacks/certificates.ts";

/** A certificate, and where it is. */
export interface CertificateFiles extends Certificate {
  readonly certFile: string;
  readonly keyFile: string;
}

/** Makes a certificate by openssl, in a folder that the caller removes. */
export async function certify(openssl: string, folder: string): Promise<CertificateFiles> {
  const certificate = await makeCertificate(openssl);
  const files = { certFile: `${folder}/cert.pem`, keyFile: `${folder}/key.pem` };
  await Deno.writeTextFile(files.certFile, certificate.cert);
  await Deno.writeTextFile(files.keyFile, certificate.key);
  return { ...certificate, ...files };
}
