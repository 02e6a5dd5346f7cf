// SPDX-License-Identifier: Apache-2.0
// Where the cursor stands in a flow: which key, in which list of which task, or in an expression. It reads lines and their
// indentation, because what is being written is rarely whole YAML.
export interface Frame {
  /** The key whose value the block is; undefined at the top. */
  key?: string;
  /** The other keys of the block, with their values. */
  siblings: Map<string, string>;
}

export interface Context {
  kind: "key" | "value" | "expression";
  /** Of a value: its key. */
  key?: string;
  /** What is written already of it. */
  word: string;
  /** The block of the cursor and those around it, innermost first. */
  frames: Frame[];
}

interface Line { column: number; dash?: number; key?: string; value: string }

const pattern = /^(\s*)((?:-\s+)*)(?:(?:"([^"]*)"|'([^']*)'|([\w.$/-]+))\s*:(?:\s+(.*))?$)?/;

/** undefined: blank, or a comment. */
export function readLine(text: string): Line | undefined {
  if (/^\s*(#|$)/.test(text)) return undefined;
  const bare = text.replace(/^(\s*)-$/, "$1- "), found = pattern.exec(bare);
  const [, indent = "", dashes = "", quoted, single, plain, value = ""] = found ?? [];
  const key = quoted ?? single ?? plain;
  return { column: indent.length + dashes.length, dash: dashes ? indent.length : undefined, key, value: value.replace(/\s+#.*$/, "").replace(/^(["'])(.*)\1$/, "$2") };
}

/** The block that has the line, and the line where it begins. */
function blockAt(lines: string[], line: number, column: number): { siblings: Map<string, string>; first: number; dash?: number } {
  const siblings = new Map<string, string>();
  const own = readLine(lines[line]);
  let first = line, dash = own?.dash;
  const add = (one: Line) => { if (one.key && !siblings.has(one.key)) siblings.set(one.key, one.value); };
  if (own?.column === column) add(own);
  for (let i = line - 1; i >= 0 && dash === undefined; i--) {
    const one = readLine(lines[i]);
    if (!one || one.column > column) continue;
    if (one.column < column) break;
    add(one);
    first = i;
    dash = one.dash;
  }
  for (let i = line + 1; i < lines.length; i++) {
    const one = readLine(lines[i]);
    if (!one || one.column > column && (one.dash === undefined || one.dash >= column)) continue;
    if (one.column < column || one.dash !== undefined && one.dash < column) break;
    add(one);
  }
  return { siblings, first, dash };
}

function framesAt(lines: string[], line: number, column: number): Frame[] {
  const { siblings, first, dash } = blockAt(lines, line, column);
  // The items of a list may stand below their key without more indentation.
  const limit = dash ?? column;
  for (let i = first - 1; i >= 0; i--) {
    const one = readLine(lines[i]);
    if (!one?.key || one.column > limit || (one.column === limit && (dash === undefined || one.dash !== undefined))) continue;
    return [{ key: one.key, siblings }, ...framesAt(lines, i, one.column)];
  }
  return [{ siblings }];
}

export function contextAt(lines: string[], line: number, column: number): Context {
  const before = (lines[line] ?? "").slice(0, column);
  const open = before.lastIndexOf("{{"), close = before.lastIndexOf("}}");
  const value = /^(\s*(?:-\s+)*)(?:"([^"]*)"|'([^']*)'|([\w.$/-]+))\s*:\s+["']?(.*)$/.exec(before);
  const key = /^(\s*(?:-\s+)*)([\w.$/-]*)$/.exec(before);
  const at = value?.[1].length ?? key?.[1].length ?? readLine(lines[line] ?? "")?.column ?? before.length - before.trimStart().length;
  const frames = framesAt(lines, line, at);
  if (open > close || (open >= 0 && close < 0)) return { kind: "expression", word: before.slice(open + 2), frames };
  if (value) return { kind: "value", key: value[2] ?? value[3] ?? value[4], word: value[5], frames };
  return { kind: "key", word: key?.[2] ?? "", frames };
}

/** `{id: a, type: b}` on one line: as a block would say it. */
export function inlineOf(text: string): { id?: string; type?: string } | undefined {
  const inside = /[{[]\s*\{?(.*)$/.exec(text)?.[1];
  if (inside === undefined) return undefined;
  return { id: /(?:^|[{,\s])id:\s*["']?([\w.-]+)/.exec(inside)?.[1], type: /(?:^|[{,\s])type:\s*["']?([\w.]+)/.exec(inside)?.[1] };
}

/** The type of the innermost block that has one. */
export const typeOf = (frames: Frame[]): string | undefined => frames.map(({ siblings }) => siblings.get("type")).find((type) => type?.includes("."));

/** Ids of the items of a list at the top ("inputs"), or of all tasks wherever they are, with their types. */
export function idsIn(lines: string[], list: "inputs" | "triggers" | "tasks"): { id: string; type?: string }[] {
  const found: { id: string; type?: string }[] = [];
  lines.forEach((text, index) => {
    const line = readLine(text);
    const inline = line && line.key !== "id" ? inlineOf(text) : undefined;
    const id = line?.key === "id" ? line.value : inline?.id;
    if (!line || !id || line.column === 0) return;
    const frames = framesAt(lines, index, line.column), top = frames[frames.length - 2]?.key;
    const type = inline ? inline.type : frames[0].siblings.get("type");
    if (list === "tasks" ? top !== undefined && !["inputs", "triggers", "outputs"].includes(top) : top === list && frames.length === 2) found.push({ id, type });
  });
  return found;
}

/** The keys of a map at the top, as "variables". */
export function keysIn(lines: string[], map: string): string[] {
  const from = lines.findIndex((text) => readLine(text)?.key === map && readLine(text)?.column === 0);
  const keys: string[] = [];
  let column: number | undefined;
  for (let i = from + 1; from >= 0 && i < lines.length; i++) {
    const line = readLine(lines[i]);
    if (!line) continue;
    if (line.column === 0) break;
    column ??= line.column;
    if (line.column === column && line.key) keys.push(line.key);
  }
  return keys;
}
