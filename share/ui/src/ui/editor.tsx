// SPDX-License-Identifier: Apache-2.0
// CodeMirror as a React component: marks at places, completion, documentation under the pointer. What is right and what there
// is to complete, the page knows.
import { useEffect, useRef, useState } from "react";
import type CodeMirrorTypes from "codemirror/lib/codemirror.js";
import CodeMirror from "./editor-library";

type Instance = ReturnType<typeof CodeMirrorTypes>;
/** Line and column count from 0. */
export interface Place { line: number; column: number }
export interface EditorMark extends Place { text: string; kind: "error" | "warning" }
export interface Completion { text: string; about?: string; /** How many characters before the cursor it replaces. */ replaces: number }

interface EditorProps {
  value: string;
  readOnly: boolean;
  label?: string;
  onChange: (value: string) => void;
  marks?: EditorMark[];
  complete?: (lines: string[], at: Place) => Promise<Completion[]>;
  /** Documentation of what stands there, as plain text. */
  hover?: (lines: string[], at: Place) => Promise<string | undefined>;
  onPlace?: (at: Place) => void;
  onSave?: () => void;
  /** The cursor goes there when this changes. */
  goTo?: Place;
}

const gutter = "editor-marks";
const place = ({ line, ch }: { line: number; ch: number }): Place => ({ line, column: ch });
const linesOf = (editor: Instance) => editor.getValue().split("\n");

/** The library's list has no name, and cannot be reached where it scrolls. */
function nameList(page: HTMLElement): void {
  page.querySelectorAll(".CodeMirror-hints").forEach((list) => {
    list.setAttribute("aria-label", "Completions");
    list.setAttribute("tabindex", "0");
  });
}

/** One for all editors: a completion that finds nothing opens no list, and must leave nothing behind. */
const naming = new MutationObserver((changes, observer) => {
  nameList(changes[0].target as HTMLElement);
  observer.disconnect();
});

function hint(editor: Instance, complete: NonNullable<EditorProps["complete"]>) {
  const page = editor.getWrapperElement().closest("main");
  naming.disconnect();
  if (page) naming.observe(page, { childList: true });
  editor.showHint({
    completeSingle: false,
    container: page,
    hint: async () => {
      const cursor = editor.getCursor(), found = await complete(linesOf(editor), place(cursor));
      if (!found.length) return undefined;
      return {
        from: { line: cursor.line, ch: cursor.ch - found[0].replaces }, to: cursor,
        list: found.map(({ text, about }) => ({ text, displayText: about ? `${text.split("\n")[0].trim().replace(/:$/, "")}  ${about}` : text.split("\n")[0] })),
      };
    },
  });
}

/** A new line begins where the keys of the item above do, and deeper below a key without a value. */
function newLine(editor: Instance): void {
  const { line, ch } = editor.getCursor(), before = editor.getLine(line).slice(0, ch);
  const indent = /^\s*(?:- +)*/.exec(before)?.[0].length ?? 0, deeper = /:\s*(?:[|>][+-]?)?\s*$/.test(before);
  editor.replaceSelection(`\n${" ".repeat(indent + (deeper ? 2 : 0))}`, "end");
}

function make(into: HTMLElement, latest: { current: EditorProps }): Instance {
  const save = () => latest.current.onSave?.();
  const ask = (editor: Instance) => { if (latest.current.complete && !latest.current.readOnly) hint(editor, latest.current.complete); };
  const made = CodeMirror(into, {
    value: latest.current.value, mode: "yaml", lineNumbers: true, readOnly: latest.current.readOnly, tabSize: 2, viewportMargin: Infinity, lineWrapping: true, foldGutter: true,
    gutters: [gutter, "CodeMirror-linenumbers", "CodeMirror-foldgutter"], matchBrackets: true, autoCloseBrackets: true, highlightSelectionMatches: { minChars: 3 },
    foldOptions: { rangeFinder: CodeMirror.fold.indent },
    // Tab moves on, as everywhere: the editor is no trap for the keyboard. Ctrl-] and Ctrl-[ indent.
    extraKeys: {
      Enter: newLine, Tab: false, "Shift-Tab": false, "Ctrl-]": "indentMore", "Ctrl-[": "indentLess", "Ctrl-S": save, "Cmd-S": save, "Ctrl-Space": ask, "Ctrl-Q": "toggleFold",
      "Ctrl-F": "findPersistent", "Cmd-F": "findPersistent", "Alt-G": "jumpToLine", "Ctrl-/": "toggleComment", "Cmd-/": "toggleComment",
    },
  });
  made.on("change", () => latest.current.onChange(made.getValue()));
  made.on("cursorActivity", () => latest.current.onPlace?.(place(made.getCursor())));
  made.on("inputRead", (_, { origin, text }) => {
    if (origin === "+input" && /[\w.:{| ]$/.test(text[text.length - 1]) && !made.state.completionActive) ask(made);
  });
  made.getInputField().setAttribute("aria-label", `${latest.current.label ?? "Flow source"}. Ctrl-Space completes, Ctrl-S saves, Ctrl-F finds.`);
  return made;
}

function show(editor: Instance, marks: EditorMark[]): () => void {
  const drawn = marks.filter(({ line }) => line < editor.lineCount()).map(({ line, column, text, kind }) => {
    const sign = document.createElement("span");
    sign.className = `editor-sign ${kind}`;
    sign.title = text;
    sign.textContent = kind === "error" ? "✕" : "!";
    editor.setGutterMarker(line, gutter, sign);
    const content = editor.getLine(line), from = Math.min(column, Math.max(0, content.length - 1));
    const rest = /^\S*/.exec(content.slice(from))?.[0].length ?? 0;
    return editor.markText({ line, ch: from }, { line, ch: from + Math.max(1, rest) }, { className: `editor-${kind}` });
  });
  return () => { drawn.forEach((mark) => mark.clear()); editor.clearGutter(gutter); };
}

interface Tip { text: string; left: number; top: number }

/** What stands under the pointer, when it rests there. */
function useTip(editor: { current?: Instance }, latest: { current: EditorProps }) {
  const [tip, setTip] = useState<Tip>();
  const timer = useRef<ReturnType<typeof setTimeout>>();
  const leave = () => { clearTimeout(timer.current); setTip(undefined); };
  const move = ({ clientX, clientY, currentTarget }: React.PointerEvent<HTMLDivElement>) => {
    leave();
    const box = currentTarget.getBoundingClientRect();
    timer.current = setTimeout(async () => {
      const at = editor.current && place(editor.current.coordsChar({ left: clientX, top: clientY }, "window"));
      if (!at || !editor.current) return;
      const said = latest.current.marks?.filter(({ line }) => line === at.line).map(({ text }) => text) ?? [];
      const about = await latest.current.hover?.(linesOf(editor.current), at).catch(() => undefined); // without documentation nothing is shown
      const text = [...said, about].filter(Boolean).join("\n\n");
      if (text) setTip({ text, left: Math.min(clientX - box.left, Math.max(0, box.width - 330)), top: clientY - box.top + 18 });
    }, 400);
  };
  useEffect(() => () => clearTimeout(timer.current), []);
  return { tip, leave, move };
}

export function Editor(props: EditorProps) {
  const into = useRef<HTMLDivElement>(null), editor = useRef<Instance>(), latest = useRef(props);
  latest.current = props;
  const { tip, leave, move } = useTip(editor, latest);
  useEffect(() => {
    const holder = into.current;
    if (!holder) return undefined;
    editor.current = make(holder, latest);
    return () => { holder.replaceChildren(); editor.current = undefined; };
  }, []);
  useEffect(() => {
    if (editor.current && editor.current.getValue() !== props.value) editor.current.setValue(props.value);
  }, [props.value]);
  useEffect(() => { editor.current?.setOption("readOnly", props.readOnly); }, [props.readOnly]);
  useEffect(() => (editor.current ? show(editor.current, props.marks ?? []) : undefined), [props.marks]);
  useEffect(() => {
    if (!editor.current || !props.goTo) return;
    const to = { line: props.goTo.line, ch: props.goTo.column };
    editor.current.setCursor(to);
    editor.current.scrollIntoView(to, 80);
    editor.current.focus();
  }, [props.goTo]);
  return (
    <div className="editor-place" onPointerMove={move} onPointerLeave={leave} onKeyDown={leave}>
      <div className="editor" ref={into} />
      {tip && <div className="editor-tip" role="tooltip" style={{ left: tip.left, top: tip.top }}>{tip.text}</div>}
    </div>
  );
}
