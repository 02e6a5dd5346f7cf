// SPDX-License-Identifier: Apache-2.0
// The few calls of CodeMirror 5 that editor.tsx makes; Debian ships the library without types.
declare module "codemirror/lib/codemirror.js" {
  namespace CodeMirror {
    interface Editor {
      getValue(): string;
      setValue(value: string): void;
      setOption(name: "readOnly", value: boolean): void;
      replaceSelection(text: string): void;
      getInputField(): HTMLElement;
      on(event: "change", handler: () => void): void;
    }
    interface Options {
      value: string;
      mode: string;
      lineNumbers: boolean;
      readOnly: boolean;
      tabSize: number;
      viewportMargin: number;
      extraKeys: Record<string, string | false | ((editor: Editor) => void)>;
    }
  }
  function CodeMirror(place: HTMLElement, options: CodeMirror.Options): CodeMirror.Editor;
  export default CodeMirror;
}
declare module "codemirror/mode/yaml/yaml.js";
declare module "*.css";
