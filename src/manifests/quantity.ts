/** Kubernetes quantities of storage as bytes. */

const factors: Readonly<Record<string, number>> = {
  "": 1,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/** Bytes, e.g. of `10Gi`, `1.5T` or `1e9`; undefined for what is no quantity. */
export function bytesOfQuantity(text: string): number | undefined {
  const [, number, exponent, unit] = /^([0-9]+(?:\.[0-9]+)?)(?:[eE]([0-9]+)|([A-Za-z]*))$/.exec(text) ?? [];
  if (number === undefined) return undefined;
  if (exponent !== undefined) return Number(`${number}e${exponent}`);
  const factor = factors[unit ?? ""];
  return factor === undefined ? undefined : Number(number) * factor;
}
