/** What is wrong with a certificate, its key and its authority is found before any node makes a store of them. */
import { expect, test } from "@jest/globals";
import { certificateFault } from "../../../src/controllers/certificate.ts";
import { certificateFor, entity, keyText } from "../../certificates.ts";

const now = Date.parse("2030-01-01T00:00:00Z");
const authority = entity("authority");
const middle = entity("middle", { by: authority });
const own = entity("own", { by: middle });
const sound = {
  "tls.crt": own.certificate + middle.certificate,
  "tls.key": keyText(own),
  "ca.crt": authority.certificate,
};
const one = (each: typeof own, ca = authority) => ({
  "tls.crt": each.certificate,
  "tls.key": keyText(each),
  "ca.crt": ca.certificate,
});

test("sound ones pass: signed directly, through another one, by itself, with the authority behind it", () => {
  expect(certificateFault(certificateFor("any"), now)).toBeUndefined();
  expect(certificateFault(sound, now)).toBeUndefined();
  expect(certificateFault(one(authority), now)).toBeUndefined();
  const whole = sound["tls.crt"] + authority.certificate;
  expect(certificateFault({ ...sound, "tls.crt": whole }, now)).toBeUndefined();
  const bundle = entity("another").certificate + middle.certificate + authority.certificate;
  expect(certificateFault({ ...one(own), "ca.crt": bundle }, now)).toBeUndefined();
});

test.each([
  ["another key", { ...sound, "tls.key": keyText(authority) }, /^tls\.key is not the key of the certificate/],
  [
    "the chain the other way round",
    { ...sound, "tls.crt": middle.certificate + own.certificate },
    /^tls\.key belongs to another certificate of tls\.crt than the first one/,
  ],
  [
    "a chain that is none",
    { ...sound, "tls.crt": own.certificate + authority.certificate + middle.certificate },
    /^the chain in tls\.crt is not in its order/,
  ],
  [
    "a namesake that did not sign it",
    { ...sound, "tls.crt": own.certificate + entity("middle", { by: authority }).certificate },
    /^the chain in tls\.crt is not in its order/,
  ],
  ["another authority", one(own), /^tls\.crt is signed by no authority of ca\.crt/],
  [
    "one that has run out",
    one(entity("old", { by: authority, to: "2029-12-31T00:00:00Z" })),
    /^a certificate in tls\.crt has expired at 2029-12-31T00:00:00\.000Z: renew it$/,
  ],
  [
    "one whose time has not come",
    one(entity("new", { by: authority, from: "2030-01-02T00:00:00Z" })),
    /^a certificate in tls\.crt is not valid before 2030-01-02/,
  ],
  ["no certificate", { ...sound, "tls.crt": keyText(own) }, /^tls\.crt holds no certificate/],
  [
    "half a certificate",
    { ...sound, "tls.crt": own.certificate.replace(/\n.+\n/, "\n") },
    /^tls\.crt holds no certificate/,
  ],
  ["no authority", { ...sound, "ca.crt": "" }, /^ca\.crt holds no certificate/],
  ["no key", { ...sound, "tls.key": own.certificate }, /^tls\.key holds no private key that can be read/],
] as const)("%s is told", (_what, texts, says) => {
  expect(certificateFault(texts, now)).toMatch(says);
  expect(certificateFault(texts, now)).not.toContain("PRIVATE");
});

test("an authority that has run out is told too", () => {
  const old = entity("old authority", { to: "2029-01-01T00:00:00Z" });
  const signed = entity("signed", { by: old });
  expect(certificateFault(one(signed, old), now)).toMatch(/^the authority in ca\.crt has expired at 2029/);
  expect(certificateFault(one(signed, old), undefined)).toBeUndefined();
});
