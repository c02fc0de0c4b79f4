/** SHA-256 of a text, as sha256sum prints it. */
import { createHash } from "node:crypto";

export const sha256 = (text: string | Uint8Array): string => createHash("sha256").update(text).digest("hex");
