/** The throw-away authority of a local run, and the certificates it signs; made with openssl, valid for 30 days. */
import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

async function openssl(directory: string, ...args: string[]): Promise<void> {
  try {
    await run("openssl", args, { cwd: directory });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT")
      throw new Error("openssl is needed to make certificates: install the package openssl");
    throw error;
  }
}

/** Writes `ca.crt` and `ca.key`, and `sa.key`, which signs the tokens of service accounts. */
export async function makeAuthority(directory: string): Promise<void> {
  const files = ["-keyout", "ca.key", "-out", "ca.crt"];
  const subject = ["-subj", "/CN=tungsten-operator-local-ca"];
  await openssl(
    directory,
    ...["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30"],
    ...subject,
    ...files,
  );
  await openssl(directory, "genrsa", "-out", "sa.key", "2048");
}

/**
 * Writes `<name>.crt` and `<name>.key`, signed by the authority in the same folder, good for servers and clients.
 * `names` are subject alternative names as openssl writes them: `DNS:localhost`, `IP:127.0.0.1`.
 */
export async function issueCertificate(
  directory: string,
  name: string,
  subject: string,
  names: readonly string[],
): Promise<void> {
  writeFileSync(
    join(directory, `${name}.cnf`),
    `subjectAltName=${names.join(",")}\nextendedKeyUsage=serverAuth,clientAuth\n`,
  );
  const request = ["-keyout", `${name}.key`, "-out", `${name}.csr`];
  await openssl(directory, "req", "-newkey", "rsa:2048", "-nodes", "-subj", subject, ...request);
  await openssl(
    directory,
    ...["x509", "-req", "-in", `${name}.csr`, "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial"],
    ...["-days", "30", "-extfile", `${name}.cnf`, "-out", `${name}.crt`],
  );
}
