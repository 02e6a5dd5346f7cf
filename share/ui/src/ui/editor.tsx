// SPDX-License-Identifier: Apache-2.0
// CodeMirror 5 (Debian's libjs-codemirror) as a React component.
import { useEffect, useRef } from "react";
import CodeMirror from "codemirror/lib/codemirror.js";
import "codemirror/mode/yaml/yaml.js";

export function Editor(props: { value: string; readOnly: boolean; onChange: (value: string) => void }) {
  const place = useRef<HTMLDivElement>(null);
  const onChange = useRef(props.onChange);
  onChange.current = props.onChange;
  const editor = useRef<CodeMirror.Editor>();
  useEffect(() => {
    if (!place.current) return undefined;
    const made = CodeMirror(place.current, {
      value: props.value, mode: "yaml", lineNumbers: true, readOnly: props.readOnly, tabSize: 2, viewportMargin: Infinity,
      // Tab moves on, as everywhere: the editor is no trap for the keyboard. Ctrl-] and Ctrl-[ indent.
      extraKeys: { Tab: false, "Shift-Tab": false, "Ctrl-]": "indentMore", "Ctrl-[": "indentLess" },
    });
    made.on("change", () => onChange.current(made.getValue()));
    made.getInputField().setAttribute("aria-label", "Flow source");
    editor.current = made;
    return () => { place.current?.replaceChildren(); };
    // The editor is made once; later values come from itself, or from the effect below.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, []);
  useEffect(() => {
    if (editor.current && editor.current.getValue() !== props.value) editor.current.setValue(props.value);
  }, [props.value]);
  useEffect(() => { editor.current?.setOption("readOnly", props.readOnly); }, [props.readOnly]);
  return <div className="editor" ref={place} />;
}
