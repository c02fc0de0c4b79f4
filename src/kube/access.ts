/** Who the program is to the API server: address, TLS material and fresh headers, read from a KubeConfig before each call. */
import type { RequestOptions } from "node:https";
import type { KubeConfig } from "@kubernetes/client-node";

/** What both `undici` and `ws` take for a TLS connection. */
export type TlsMaterial = {
  readonly ca?: string | Buffer;
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  readonly servername?: string;
  readonly rejectUnauthorized?: boolean;
};

/** `server` is a URL without a trailing slash. `headers` hold the credentials: never log them. */
export type Access = {
  readonly server: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: TlsMaterial;
};

type Applied = TlsMaterial & { auth?: string; headers?: Record<string, string> };

/**
 * Access by the current context of a KubeConfig. Tokens and certificate files are read again as the KubeConfig sees
 * fit (a mounted token at most a minute late), so a rotated one is used without a restart.
 * @throws Error at once when the KubeConfig names no cluster.
 */
export function accessBy(config: KubeConfig): () => Promise<Access> {
  const cluster = config.getCurrentCluster();
  if (cluster === null)
    throw new Error("the kubeconfig names no cluster: set KUBECONFIG or run inside a cluster");
  const server = cluster.server.replace(/\/+$/, "");
  return async () => {
    const options: RequestOptions = {};
    await config.applyToHTTPSOptions(options);
    const { ca, cert, key, servername, rejectUnauthorized, headers, auth } = options as Applied;
    return {
      server,
      headers: {
        ...headers,
        ...(auth && { authorization: `Basic ${Buffer.from(auth).toString("base64")}` }),
      },
      tls: {
        ...(ca && { ca }),
        ...(cert && { cert }),
        ...(key && { key }),
        ...(servername && { servername }),
        ...(rejectUnauthorized === false && { rejectUnauthorized }),
      },
    };
  };
}

/** Two materials that open the same connections. */
export const sameTls = (one: TlsMaterial, other: TlsMaterial): boolean =>
  String(one.ca) === String(other.ca) &&
  String(one.cert) === String(other.cert) &&
  String(one.key) === String(other.key);
