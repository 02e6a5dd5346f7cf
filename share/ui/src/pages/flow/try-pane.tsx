// SPDX-License-Identifier: Apache-2.0
// What an expression gives in the last executions of the flow.
import { useState } from "react";
import { evaluate, searchExecutions } from "../../api/executions";
import { EvalAnswer } from "../../api/types";
import { Empty, Failure, Loading } from "../../ui/basics";
import { useAction, useLoad } from "../../ui/load";
import { dateText } from "../../ui/text";

export function TryPane({ namespace, id }: { namespace: string; id: string }) {
  const { data, error } = useLoad(`try ${namespace}/${id}`, () => searchExecutions({ namespace, flowId: id, page: 1, size: 10, sort: "state.startDate:desc" }));
  const [text, setText] = useState("{{ outputs }}");
  const [execution, setExecution] = useState("");
  const [run, setRun] = useState("");
  const [answer, setAnswer] = useState<EvalAnswer>();
  const action = useAction();
  const usable = data?.results.filter((one) => one.taskRunList?.length);
  if (!usable) return error ? <Failure error={error} /> : <Loading />;
  if (!usable.length) return <Empty>Execute the flow once: expressions are tried on its executions.</Empty>;
  const chosen = usable.find((one) => one.id === execution) ?? usable[0], runs = chosen.taskRunList ?? [];
  const taskRun = runs.find((one) => one.id === run) ?? runs[runs.length - 1];
  const render = () => action.run(async () => setAnswer(await evaluate(chosen.id, taskRun.id, text)));
  return (
    <form className="pane" onSubmit={(event) => { event.preventDefault(); render(); }}>
      <label className="field">Execution<select value={chosen.id} onChange={(event) => setExecution(event.target.value)}>
        {usable.map((one) => <option key={one.id} value={one.id}>{one.id.slice(0, 8)} · {one.state.current} · {dateText(one.state.startDate)}</option>)}</select></label>
      <label className="field">Seen from the task run<select value={taskRun.id} onChange={(event) => setRun(event.target.value)}>
        {runs.map((one) => <option key={one.id} value={one.id}>{one.taskId}{one.value === undefined ? "" : ` [${one.value}]`}</option>)}</select></label>
      <label className="field">Expression<textarea className="mono" rows={4} spellCheck={false} value={text} onChange={(event) => setText(event.target.value)} /></label>
      <p className="actions"><button type="submit" className="primary" disabled={action.busy || !text}>Render</button></p>
      <Failure error={action.error} />
      {answer && <pre className={answer.error ? "failure" : "json"} role="status">{answer.error ?? answer.result}</pre>}
    </form>
  );
}
