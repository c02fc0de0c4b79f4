/** A run's journal as lines that a person reads: what began where, what was kept, what came next. */
import type { Scene } from "./scene.ts";

type Line = {
  readonly event: string;
  readonly step?: string;
  readonly node?: string;
  readonly command?: string;
  readonly stdin?: string;
  readonly text?: string;
};

/** Everything but how commands ended; `fed` shows what short inputs commands got. */
export function storyOf(scene: Scene, { fed = false } = {}): readonly string[] {
  const pages = [...scene.objects.all()].filter(([key]) => key.includes(`/${scene.asked}-journal-`));
  return pages
    .flatMap(([, page]) => String(page.data["journal.jsonl"]).trim().split("\n"))
    .map((line) => JSON.parse(line) as Line)
    .filter(({ event }) => event !== "end")
    .map(({ event, step, node, command, stdin, text }) =>
      [
        event,
        step,
        node,
        (command ?? text ?? "")
          .replace(/[0-9a-f]{64}/g, "<sha256>")
          .replace(/tu-[0-9a-f]{8}/g, "tu-<run>")
          .replace(/-[0-9a-f]{8}(-|$)/g, "-<run>$1"),
        fed && stdin !== undefined ? `<<< ${stdin.trim().replaceAll("\n", "; ")}` : undefined,
      ]
        .filter((word) => word !== undefined)
        .join("  "),
    );
}
