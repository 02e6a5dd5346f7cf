// SPDX-License-Identifier: Apache-2.0
// The few calls of CodeMirror 5 that editor.tsx makes; Debian ships the library without types.
declare module "codemirror/lib/codemirror.js" {
  namespace CodeMirror {
    interface Position { line: number; ch: number }
    interface Mark { clear(): void }
    interface Change { origin?: string; text: string[] }
    interface Hint { text: string; displayText?: string; className?: string; hint?: (editor: Editor, all: unknown, chosen: Hint) => void }
    interface Hints { list: Hint[]; from: Position; to: Position }
    interface HintOptions { hint: (editor: Editor) => Promise<Hints | undefined> | Hints | undefined; completeSingle: boolean; closeOnUnfocus?: boolean; container?: HTMLElement | null }
    interface Editor {
      getValue(): string;
      setValue(value: string): void;
      setOption(name: "readOnly", value: boolean): void;
      setOption(name: "theme", value: string): void;
      replaceSelection(text: string, select?: "end"): void;
      replaceRange(text: string, from: Position, to?: Position): void;
      getInputField(): HTMLElement;
      getWrapperElement(): HTMLElement;
      getCursor(): Position;
      setCursor(position: Position): void;
      getLine(line: number): string;
      lineCount(): number;
      scrollIntoView(position: Position, margin?: number): void;
      coordsChar(place: { left: number; top: number }, mode: "window"): Position;
      markText(from: Position, to: Position, options: { className: string }): Mark;
      setGutterMarker(line: number, gutter: string, value: HTMLElement | null): void;
      clearGutter(gutter: string): void;
      operation(work: () => void): void;
      clearHistory(): void;
      focus(): void;
      refresh(): void;
      execCommand(name: string): void;
      showHint(options: HintOptions): void;
      on(event: "change" | "cursorActivity", handler: () => void): void;
      on(event: "inputRead", handler: (editor: Editor, change: Change) => void): void;
      state: { completionActive?: unknown };
    }
    interface Options {
      value: string;
      mode: string;
      lineNumbers: boolean;
      readOnly: boolean;
      tabSize: number;
      viewportMargin: number;
      lineWrapping: boolean;
      foldGutter: boolean;
      gutters: string[];
      matchBrackets: boolean;
      autoCloseBrackets: boolean;
      highlightSelectionMatches: { minChars: number };
      foldOptions: { rangeFinder?: unknown };
      extraKeys: Record<string, string | false | ((editor: Editor) => void)>;
    }
  }
  interface Make { (place: HTMLElement, options: CodeMirror.Options): CodeMirror.Editor; fold: { indent: unknown } }
  const CodeMirror: Make;
  export default CodeMirror;
}
declare module "codemirror/mode/*";
declare module "codemirror/addon/*";
declare module "*.css";
