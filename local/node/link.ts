/** The one wire between the machine and a node: a veth pair with a /24 of its own. Its name is what two runs beside each other agree by. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

export type Link = {
  /** Free among the runs on this machine. */
  readonly number: number;
  readonly device: string;
  /** The machine's end: the API server listens here. */
  readonly outside: string;
  /** The node's end: its internal IP. */
  readonly inside: string;
  /** The addresses of its pods, in CIDR notation. */
  readonly pods: string;
};

export const linkOf = (number: number): Link => ({
  number,
  device: `tungsten-${number}`,
  outside: `10.213.${number}.1`,
  inside: `10.213.${number}.2`,
  pods: `10.213.${number}.128/25`,
});

const toNumber = (ip: string): number => ip.split(".").reduce((sum, octet) => sum * 256 + Number(octet), 0);

/**
 * Whether a route's destination, as `ip route` writes it, says that somebody near has addresses of the link's /24. A route
 * for more than a /16 says so of nobody in particular (10.0.0.0/8 by way of a VPN), and a longer prefix goes before it.
 */
export function overlaps(destination: string, link: Link): boolean {
  const [ip = "", bits = "32"] = destination.split("/");
  if (!/^\d+\.\d+\.\d+\.\d+$/.test(ip) || Number(bits) < 16) return false;
  const size = 2 ** (32 - Math.min(Number(bits), 24));
  return Math.floor(toNumber(ip) / size) === Math.floor(toNumber(link.outside) / size);
}

/** Makes the first link nobody has: its far end, eth0, in the network of process `pid`. Making it is atomic, so it is the lock too. */
export async function claimLink(pid: number): Promise<Link> {
  const { stdout } = await run("ip", ["-4", "route", "show", "table", "all"]);
  const destinations = stdout
    .split("\n")
    .map((line) => line.replace(/^(local|broadcast) /, "").split(" ")[0] ?? "");
  for (let number = 0; number < 256; number += 1) {
    const link = linkOf(number);
    if (destinations.some((destination) => overlaps(destination, link))) continue;
    try {
      await run("ip", [
        "link",
        "add",
        link.device,
        "type",
        "veth",
        "peer",
        "name",
        "eth0",
        "netns",
        String(pid),
      ]);
    } catch (error) {
      if (String(error).includes("File exists")) continue;
      throw error;
    }
    await run("ip", ["addr", "add", `${link.outside}/30`, "dev", link.device]);
    await run("ip", ["link", "set", link.device, "up"]);
    await run("ip", ["route", "add", link.pods, "via", link.inside]);
    return link;
  }
  throw new Error("no free network for a node: every 10.213.N.0/24 is taken; stop other runs of it");
}

export async function releaseLink({ device }: Link): Promise<void> {
  await run("ip", ["link", "delete", device]).catch((error: Error) => {
    if (!error.message.includes("Cannot find device")) throw error;
  });
}
