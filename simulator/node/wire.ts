/** Questions between nodes: one line of JSON each way over TCP, answered in order. */
import { createServer, Socket } from "node:net";

export type Answering = (question: unknown) => Promise<unknown>;

export type Listening = { readonly close: () => void };

/** Answers whoever connects; closing also ends what is being talked to. */
export function serveLines(port: number, address: string, answer: Answering): Listening {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    let last: Promise<void> = Promise.resolve();
    onLines(socket, (line) => {
      last = last.then(async () => {
        const told = await answer(JSON.parse(line)).catch((error: unknown) => ({ error: String(error) }));
        if (!socket.destroyed) socket.write(`${JSON.stringify(told ?? null)}\n`);
      });
    });
  });
  server.on("error", (error) => console.error(`port ${port}: ${error.message}`));
  server.listen(port, address);
  const close = (): void => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return { close };
}

function onLines(socket: Socket, take: (line: string) => void): void {
  let rest = "";
  socket.setEncoding("utf8");
  socket.on("data", (text: string) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) take(line);
  });
}

export type Lines = {
  /** undefined: nobody answers there. */
  readonly ask: (host: string, port: number, question: unknown) => Promise<unknown>;
  readonly close: () => void;
};

const patienceMs = 3000;

/** Keeps one connection to each server; `addressOf` turns a host's name into what is dialled. */
export function newLines(addressOf: (host: string) => string): Lines {
  const links = new Map<string, { socket: Socket; waiting: ((answer: unknown) => void)[] }>();
  const linkTo = (host: string, port: number) => {
    const key = `${host}:${port}`;
    const known = links.get(key);
    if (known !== undefined) return known;
    const link = { socket: new Socket(), waiting: [] as ((answer: unknown) => void)[] };
    links.set(key, link);
    const { socket } = link;
    socket.setNoDelay(true);
    socket.on("error", () => {});
    socket.once("close", () => {
      if (links.get(key) === link) links.delete(key);
      for (const answered of link.waiting.splice(0)) answered(undefined);
    });
    onLines(socket, (line) => link.waiting.shift()?.(JSON.parse(line)));
    socket.connect(port, addressOf(host));
    return link;
  };
  const ask = (host: string, port: number, question: unknown): Promise<unknown> =>
    new Promise((resolve) => {
      const { socket, waiting } = linkTo(host, port);
      // Answers come in order, so one that is late makes the whole connection worthless.
      const timer = setTimeout(() => socket.destroy(), patienceMs);
      waiting.push((answer) => {
        clearTimeout(timer);
        resolve(answer);
      });
      socket.write(`${JSON.stringify(question)}\n`);
    });
  const close = (): void => {
    for (const { socket } of links.values()) socket.destroy();
  };
  return { ask, close };
}
