// SPDX-License-Identifier: Apache-2.0
// The text of a flow, with what helps to write it: problems at their places, documentation, the graph, expressions.
import { useEffect, useMemo, useState } from "react";
import { useParameter } from "../../app/router";
import { complete, describe } from "../../yaml/complete";
import { contextAt, inlineOf, readLine, typeOf } from "../../yaml/context";
import { locate } from "../../yaml/problems";
import { Editor, EditorMark, Place } from "../../ui/editor";
import { DocsPane, GraphPane } from "./panes";
import { Problem, Problems, useValidation } from "./problems";
import { TryPane } from "./try-pane";

const panes = [{ name: "docs", title: "Documentation" }, { name: "topology", title: "Topology" }, { name: "try", title: "Try an expression" }, { name: "none", title: "Editor only" }];

interface SourceEditorProps {
  source: string;
  readOnly: boolean;
  onChange: (source: string) => void;
  onSave?: () => void;
  /** Whose executions expressions are tried on. */
  flow?: { namespace: string; id: string };
  check: ReturnType<typeof useValidation>;
}

/** The place of a task by its id. */
function placeOfTask(source: string, task: string): Place | undefined {
  const line = source.split("\n").findIndex((text) => { const read = readLine(text); return (read?.key === "id" && read.value === task) || inlineOf(text)?.id === task; });
  return line < 0 ? undefined : { line, column: 0 };
}

export function SourceEditor({ source, readOnly, onChange, onSave, flow, check }: SourceEditorProps) {
  const [pane, setPane] = useParameter("pane", "docs");
  const [task] = useParameter("task");
  const [at, setAt] = useState<Place>({ line: 0, column: 0 });
  const [goTo, setGoTo] = useState<Place>();
  useEffect(() => {
    if (task) setGoTo(placeOfTask(source, task));
    // Only when the address names another task: not at each key.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [task]);
  const found = useMemo<(Problem & EditorMark)[]>(() => [
    ...check.problems.map((text) => ({ ...locate(text, check.source), kind: "error" as const })),
    ...check.warnings.map((text) => ({ ...locate(text, check.source), kind: "warning" as const })),
  ], [check]);
  const type = useMemo(() => {
    const lines = source.split("\n"), inline = inlineOf(lines[at.line] ?? "")?.type;
    return inline?.includes(".") ? inline : typeOf(contextAt(lines, at.line, at.column).frames);
  }, [source, at]);
  return (
    <>
      <Problems found={found} onPick={({ line, column }) => setGoTo({ line, column })} />
      <div className={pane === "none" ? "source alone" : "source"}>
        <Editor value={source} readOnly={readOnly} onChange={onChange} onSave={onSave} marks={found} complete={complete} hover={describe} onPlace={setAt} goTo={goTo} />
        <aside aria-label="Beside the editor">
          <select aria-label="Beside the editor" value={pane} onChange={(event) => setPane(event.target.value)}>
            {panes.filter(({ name }) => flow || name !== "try").map(({ name, title }) => <option key={name} value={name}>{title}</option>)}
          </select>
          {pane === "docs" && <DocsPane type={type} />}
          {pane === "topology" && <GraphPane source={check.problems.length ? undefined : source} onPick={(picked) => setGoTo(placeOfTask(source, picked))} />}
          {pane === "try" && flow && <TryPane {...flow} />}
        </aside>
      </div>
      <p className="quiet">Line {at.line + 1}, column {at.column + 1} · Ctrl-Space completes · Ctrl-S saves · Ctrl-F finds · Ctrl-Q folds · Ctrl-] indents · Ctrl-/ comments out</p>
    </>
  );
}
