/** Whether a certificate, its key and its authority fit together: nodes make their key stores of them, all sites at once. */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";

/** As PEM, by the keys of their Secret. */
export type CertificateTexts = Readonly<Record<"tls.crt" | "tls.key" | "ca.crt", string>>;

const blocks = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

/** What OpenSSL says of a text may quote it: only that it cannot be read is told. */
function certificatesIn(text: string): readonly X509Certificate[] | undefined {
  try {
    const found = (text.match(blocks) ?? []).map((block) => new X509Certificate(block));
    return found.length === 0 ? undefined : found;
  } catch {
    return undefined;
  }
}

function privateKey(text: string): KeyObject | undefined {
  try {
    return createPrivateKey(text);
  } catch {
    return undefined;
  }
}

const signedBy = (certificate: X509Certificate, issuer: X509Certificate): boolean =>
  certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);

const isSame = (one: X509Certificate, other: X509Certificate): boolean =>
  one.fingerprint256 === other.fingerprint256;

const order = "tls.crt holds the nodes' own certificate first, then whoever signed it";

/**
 * One clause about what is wrong, to be read behind the Secret's name; undefined when nothing is. `now` in milliseconds since
 * the epoch; undefined where their time is not looked at.
 */
export function certificateFault(texts: CertificateTexts, now: number | undefined): string | undefined {
  const chain = certificatesIn(texts["tls.crt"]);
  const authorities = certificatesIn(texts["ca.crt"]);
  const key = privateKey(texts["tls.key"]);
  if (chain === undefined) return "tls.crt holds no certificate that can be read";
  if (authorities === undefined) return "ca.crt holds no certificate that can be read";
  if (key === undefined) return "tls.key holds no private key that can be read, or one behind a passphrase";
  const [own, ...signers] = chain;
  if (own === undefined) return undefined;
  if (!own.checkPrivateKey(key))
    return signers.some((each) => each.checkPrivateKey(key))
      ? `tls.key belongs to another certificate of tls.crt than the first one: ${order}`
      : "tls.key is not the key of the certificate in tls.crt";
  if (chain.some((each, index) => signers[index] !== undefined && !signedBy(each, signers[index])))
    return `the chain in tls.crt is not in its order, or is none: ${order}`;
  const last = chain.at(-1) ?? own;
  const authority = authorities.find((each) => isSame(each, last) || signedBy(last, each));
  if (authority === undefined)
    return "tls.crt is signed by no authority of ca.crt, so that no replicator would trust another one";
  return now === undefined ? undefined : outOfTime([...chain, authority], now);
}

function outOfTime(certificates: readonly X509Certificate[], now: number): string | undefined {
  const iso = (text: string): string => new Date(text).toISOString();
  for (const [index, { validFrom, validTo }] of certificates.entries()) {
    const which = index === certificates.length - 1 ? "the authority in ca.crt" : "a certificate in tls.crt";
    if (now < Date.parse(validFrom)) return `${which} is not valid before ${iso(validFrom)}`;
    if (now > Date.parse(validTo)) return `${which} has expired at ${iso(validTo)}: renew it`;
  }
  return undefined;
}
