/** Shows the lies: each in a world of its own, beside a client who believes it and a look that does not. */
import { lies, untold } from "./all.ts";
import { type Lie, tools } from "./lie.ts";
import { newStage, type Stage } from "./stage.ts";
import { countText, detailText, fools, groupText, type Row, rowText, sees, untoldText } from "./table.ts";

/** Plays one lie; what was run for it stays on the stage. */
export function play(lie: Lie, number = lies.indexOf(lie) + 1): { readonly row: Row; readonly stage: Stage } {
  const stage = newStage(lie.stage);
  const shown = lie.show(stage);
  return { row: { number, lie, shown }, stage };
}

/** Prints all of them, or the one of that name or number; true when every one of them shows what it says. */
export function printLies(print: (line: string) => void, only?: string, all: readonly Lie[] = lies): boolean {
  const isChosen = ({ name }: Lie, index: number) =>
    only === undefined || name === only || String(index + 1) === only;
  const chosen = all.filter(isChosen);
  if (chosen.length === 0) {
    print(`no lie is called ${only}; they are: ${all.map(({ name }) => name).join(", ")}`);
    return false;
  }
  const rows: Row[] = [];
  for (const tool of tools) {
    const group = chosen.filter((lie) => lie.tool === tool);
    if (group.length > 0) for (const line of groupText(tool)) print(line);
    for (const lie of group) {
      const { row, stage } = play(lie, all.indexOf(lie) + 1);
      rows.push(row);
      for (const line of only === undefined ? rowText(row) : detailText(row, stage.ran)) print(line);
    }
  }
  if (only === undefined) for (const line of untoldText(untold)) print(line);
  print("");
  print(countText(rows));
  return rows.every(({ shown }) => fools(shown) && sees(shown));
}
