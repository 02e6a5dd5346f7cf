// SPDX-License-Identifier: Apache-2.0
// What each task has put out; expressions can be tried against it.
import { FormEvent, useMemo, useState } from "react";
import { evaluate } from "../../api/executions";
import { EvalAnswer, Execution, TaskRun } from "../../api/types";
import { useParameter } from "../../app/router";
import { Copy, Empty, Failure, StateBadge } from "../../ui/basics";
import { useAction } from "../../ui/load";
import { JsonTree } from "../../ui/tree";
import { VirtualList } from "../../ui/virtual";
import { fileLeaf } from "./files";
import { runTitle } from "./live";

/** A result that is JSON is shown as a tree. */
function Result({ answer, id }: { answer: EvalAnswer; id: string }) {
  const value = useMemo(() => {
    try {
      return JSON.parse(answer.result ?? "") as unknown;
    } catch {
      return answer.result; // a text
    }
  }, [answer]);
  if (answer.error) return <Failure error={new Error(answer.error)} />;
  return (
    <div role="status">
      {typeof value === "object" && value !== null ? <JsonTree value={value} leaf={fileLeaf(id)} /> : <pre className="json">{answer.result}</pre>}
      <Copy text={answer.result ?? ""} />
    </div>
  );
}

function TryOut({ execution, runs, run }: { execution: Execution; runs: TaskRun[]; run?: TaskRun }) {
  const action = useAction();
  const [text, setText] = useState(""), [answer, setAnswer] = useState<EvalAnswer>();
  const at = run ?? runs[runs.length - 1];
  if (!at) return null;
  const suggested = run ? `{{ outputs.${/^[A-Za-z_]\w*$/.test(run.taskId) ? run.taskId : `['${run.taskId}']`} }}` : "{{ outputs }}";
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const expression = text || suggested;
    setText(expression);
    action.run(async () => setAnswer(await evaluate(execution.id, at.id, expression)));
  };
  return (
    <section>
      <h2>Try an expression <span className="quiet">as {runTitle(at)} would see it</span></h2>
      <form className="try" onSubmit={submit}>
        <textarea aria-label="Expression" rows={2} spellCheck={false} className="mono" placeholder={suggested} value={text} onChange={(event) => setText(event.target.value)}
                  onKeyDown={(event) => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) event.currentTarget.form?.requestSubmit(); }} />
        <button type="submit" className="primary" disabled={action.busy} title="Ctrl Enter">Evaluate</button>
      </form>
      <Failure error={action.error} />
      {answer && <Result answer={answer} id={execution.id} />}
    </section>
  );
}

const hasOutputs = ({ outputs }: TaskRun) => Boolean(outputs && Object.keys(outputs).length);

export function Outputs({ execution }: { execution: Execution }) {
  const [selected, select] = useParameter("taskRun"), [all, setAll] = useParameter("all");
  const runs = execution.taskRunList ?? [], run = runs.find(({ id }) => id === selected);
  const listed = useMemo(() => (all ? runs : runs.filter((one) => hasOutputs(one) || one.id === selected)), [runs, all, selected]);
  const value = run ? run.outputs : execution.outputs;
  const path = run ? `outputs.${run.taskId}${run.value !== undefined ? `['${run.value}']` : ""}` : "";
  const row = (index: number) => {
    const one = index ? listed[index - 1] : undefined;
    return (
      <button type="button" className="plain pick" aria-pressed={(one?.id ?? "") === selected} onClick={() => select(one?.id ?? "")}>
        {one ? <><span className="clip">{runTitle(one)}</span> <StateBadge state={one.state.current} /></> : <strong>The flow</strong>}
      </button>
    );
  };
  return (
    <div className="explorer">
      <div>
        <VirtualList label="Task runs with outputs" className="pick-list" count={listed.length + 1} version={listed.length} heightOf={() => 34} row={row}
                     showIndex={run ? listed.indexOf(run) + 1 : undefined} />
        <label className="quiet"><input type="checkbox" checked={Boolean(all)} onChange={(event) => setAll(event.target.checked ? "yes" : "")} /> also those without outputs</label>
      </div>
      <div>
        <section>
          <h2>Outputs of {run ? runTitle(run) : "the flow"}</h2>
          {value && Object.keys(value).length ? <JsonTree key={selected} value={value} path={path} leaf={fileLeaf(execution.id)} /> : <Empty>None.</Empty>}
        </section>
        <TryOut execution={execution} runs={runs} run={run} />
      </div>
    </div>
  );
}
