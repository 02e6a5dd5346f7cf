// SPDX-License-Identifier: Apache-2.0
// Where in the text a message of the server belongs. Some name line and column, others a task and a property, or only a word.
import { inlineOf, readLine } from "./context";

/** From 0. */
export interface Problem { text: string; line: number; column: number }

const columnOf = (text: string, word: string) => Math.max(0, text.indexOf(word));
const first = (lines: string[], fits: (text: string) => boolean): number | undefined => {
  const found = lines.findIndex(fits);
  return found < 0 ? undefined : found;
};

function lineOfTask(lines: string[], id: string, last = false): number | undefined {
  const fits = (text: string) => { const line = readLine(text); return (line?.key === "id" && line.value === id) || inlineOf(text)?.id === id; };
  const all = lines.map((text, index) => (fits(text) ? index : -1)).filter((index) => index >= 0);
  return last ? all[all.length - 1] : all[0];
}

/** The line of `key` in the block of the line `from`, or that line itself. */
function lineOfKey(lines: string[], from: number, key: string): number {
  const column = readLine(lines[from])?.column ?? 0;
  for (let i = from + 1; i < lines.length; i++) {
    const line = readLine(lines[i]);
    if (!line) continue;
    if (line.column < column || (line.dash !== undefined && line.dash < column)) break;
    if (line.key === key) return i;
  }
  for (let i = from; i >= 0; i--) {
    const line = readLine(lines[i]);
    if (line && line.column < column) break;
    if (line?.column === column && line.key === key) return i;
    if (line?.dash !== undefined && line.dash < column) break; // the item begins here
  }
  return from;
}

export function locate(message: string, source: string): Problem {
  const lines = source.split("\n");
  const at = (line: number | undefined, word = ""): Problem => ({ text: message, line: line ?? 0, column: line === undefined ? 0 : word ? columnOf(lines[line], word) : lines[line].length - lines[line].trimStart().length });
  const position = /^(\d+):(\d+): ([\s\S]*)/.exec(message) ?? /\bline:? (\d+),? column:? (\d+)/.exec(message);
  if (position) return { text: position[3] ?? message, line: Math.min(lines.length, Number(position[1])) - 1, column: Number(position[2]) - 1 };
  const type = /Invalid type: (\S+)/.exec(message)?.[1];
  if (type) {
    // "<null>": an item that has no type.
    if (type !== "<null>") return at(first(lines, (text) => text.includes(type)), type);
    const bare = lines.findIndex((text, index) => readLine(text)?.dash !== undefined && lineOfKey(lines, index, "type") === index && readLine(text)?.key !== "type");
    return at(bare < 0 ? undefined : bare);
  }
  const field = /(?:Unrecognized field|Duplicate field) ["'`]([^"'`]+)/.exec(message)?.[1];
  if (field) return at(first(lines, (text) => readLine(text)?.key === field), field);
  const duplicate = /Duplicate \w+ id with name \[([^\]]+)\]/.exec(message)?.[1];
  if (duplicate) return at(lineOfTask(lines, duplicate, true), duplicate);
  const path = /^([\w$.[\]-]+): /.exec(message)?.[1].split(/[.[\]]+/).filter(Boolean) ?? [];
  for (let i = path.length - 1; i >= 0; i--) {
    const task = lineOfTask(lines, path[i]);
    if (task !== undefined) return at(path[i + 1] ? lineOfKey(lines, task, path[i + 1]) : task);
  }
  return at(path.length ? first(lines, (text) => readLine(text)?.key === path[0]) : undefined);
}
