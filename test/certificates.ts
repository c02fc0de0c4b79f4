/** Certificates for tests, made in memory: as many authorities, signers and dates as a test wants, and no key in any file. */
import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";

export type Entity = {
  readonly name: string;
  /** PEM. */
  readonly certificate: string;
  readonly key: KeyObject;
};

const der = (tag: number, ...parts: readonly Uint8Array[]): Buffer => {
  const body = Buffer.concat(parts);
  const bytes = body.length < 128 ? [] : body.length < 256 ? [0x81] : [0x82, body.length >> 8];
  return Buffer.concat([Buffer.from([tag, ...bytes, body.length & 0xff]), body]);
};
const sequence = (...parts: readonly Uint8Array[]): Buffer => der(0x30, ...parts);
const bytes = (hex: string): Buffer => Buffer.from(hex, "hex");

/** Object identifiers as they are encoded: commonName, ecdsa-with-SHA256. */
const commonName = bytes("0603550403");
const signature = sequence(bytes("06082a8648ce3d040302"));

const nameOf = (name: string): Buffer =>
  sequence(der(0x31, sequence(commonName, der(0x0c, Buffer.from(name, "utf8")))));
const time = (iso: string): Buffer => der(0x18, Buffer.from(`${iso.replace(/[^0-9]/g, "").slice(0, 14)}Z`));

const pemOf = (kind: string, body: Buffer): string =>
  `-----BEGIN ${kind}-----\n${body.toString("base64").replace(/(.{64})(?!$)/g, "$1\n")}\n-----END ${kind}-----\n`;

export const keyText = ({ key }: Entity): string => key.export({ type: "pkcs8", format: "pem" }).toString();

/** Two bytes, the first of them not 0. */
let serial = 256;

/** One more of them, signed by `by`, or by itself; valid for the century unless it is said otherwise. */
export function entity(
  name: string,
  {
    by,
    from = "2000-01-01T00:00:00Z",
    to = "2100-01-01T00:00:00Z",
  }: { readonly by?: Entity; readonly from?: string; readonly to?: string } = {},
): Entity {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  serial += 1;
  const told = sequence(
    der(0xa0, der(0x02, bytes("02"))),
    der(0x02, Buffer.from([serial >> 8, serial & 0xff])),
    signature,
    nameOf(by?.name ?? name),
    sequence(time(from), time(to)),
    nameOf(name),
    publicKey.export({ type: "spki", format: "der" }),
  );
  const signed = der(0x03, bytes("00"), sign("sha256", told, by?.key ?? privateKey));
  return { name, certificate: pemOf("CERTIFICATE", sequence(told, signature, signed)), key: privateKey };
}

export type Texts = Record<"tls.crt" | "tls.key" | "ca.crt", string>;

const made = new Map<string, Texts>();

/** A Secret's content as cert-manager writes it; the same for the same word. */
export function certificateFor(word: string): Texts {
  const before = made.get(word);
  if (before !== undefined) return before;
  const authority = entity(`authority of ${word}`);
  const own = entity(word, { by: authority });
  const texts = { "tls.crt": own.certificate, "tls.key": keyText(own), "ca.crt": authority.certificate };
  made.set(word, texts);
  return texts;
}
