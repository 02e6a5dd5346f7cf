// SPDX-License-Identifier: Apache-2.0
// What happened, and why: the reason of a failure first.
import { useState } from "react";
import { getLogs } from "../../api/executions";
import { Execution, isTerminal, StateName, TaskRun } from "../../api/types";
import { Link, navigate } from "../../app/router";
import { TerminalText } from "../../ui/ansi";
import { Copy, Duration, Empty, Fact, Labels, Relative, StateBadge, When } from "../../ui/basics";
import { useAction, useLoad } from "../../ui/load";
import { humanDuration } from "../../ui/text";
import { toast } from "../../ui/toast";
import { JsonTree } from "../../ui/tree";
import { LabelsDialog } from "./dialogs";
import { fileLeaf } from "./files";
import { executionPath, pathOfExecution, runTitle } from "./live";

/** The task that failed first, not the containers that failed with it. */
function firstFailed(runs: TaskRun[]): TaskRun | undefined {
  const parents = new Set(runs.map(({ parentTaskRunId }) => parentTaskRunId));
  const failed = runs.filter(({ state, id }) => state.current === "FAILED" && !parents.has(id));
  const ended = ({ state }: TaskRun) => Date.parse(state.endDate ?? state.startDate);
  return failed.sort((a, b) => ended(a) - ended(b))[0] ?? runs.find(({ state }) => state.current === "FAILED");
}

function FailureReason({ execution }: { execution: Execution }) {
  const run = firstFailed(execution.taskRunList ?? []);
  const { data, error } = useLoad(`reason ${execution.id} ${run?.id ?? ""} ${execution.state.current}`, () => getLogs(execution.id, { taskRunId: run?.id, minLevel: "ERROR" }));
  const line = data?.[0];
  const more = new URLSearchParams({ level: "ERROR", ...(run && { taskRun: run.id }) });
  return (
    <div className="failure reason" role="alert">
      <strong>{run ? <>{runTitle(run)} failed{run.attempts && run.attempts.length > 1 ? ` after ${run.attempts.length} attempts` : ""}</> : "The execution failed"}</strong>
      {line && <pre className="body"><TerminalText text={line.message ?? ""} /></pre>}
      {data && !line && <p>It logged no error.</p>}
      {error && <p>Its log cannot be read: {error.message}</p>}
      <p><Link to={`${executionPath(execution, "logs")}?${more}`}>{data && data.length > 1 ? `All ${data.length} error lines` : "The log"}</Link>
        {run && <> · <Link to={`${executionPath(execution, "gantt")}?taskRun=${run.id}`}>The task run</Link></>}</p>
    </div>
  );
}

/** Why something that has not ended does not go on. */
function Waiting({ execution }: { execution: Execution }) {
  const state = execution.state.current, runs = execution.taskRunList ?? [];
  const since = execution.state.histories[execution.state.histories.length - 1]?.date;
  if (state === "PAUSED") {
    const paused = runs.filter((run) => run.state.current === "PAUSED");
    return <p className="notice">Paused{paused.length > 0 && <> by {paused.map(runTitle).join(", ")}</>} <Relative date={since} />. It goes on when it is resumed.</p>;
  }
  if (state === "QUEUED") return <p className="notice">Waits since <When date={since} short />: the flow already runs as often as its concurrency limit allows.</p>;
  if (state === "CREATED" && execution.scheduleDate && Date.parse(execution.scheduleDate) > Date.now()) return <p className="notice">Starts <Relative date={execution.scheduleDate} />.</p>;
  return null;
}

function ExecutionLink({ id, children }: { id: string; children?: string }) {
  const action = useAction();
  const go = () => action.run(() => pathOfExecution(id).then((path) => navigate(path), (error: Error) => toast(error.message, true)));
  return <button type="button" className="plain mono" disabled={action.busy} onClick={go} title={id}>{children ?? id.slice(0, 8)}</button>;
}

function Facts({ execution, reload }: { execution: Execution; reload: () => void }) {
  const { id, namespace, flowId, state, trigger, originalId, parentId, metadata } = execution;
  const [labelling, setLabelling] = useState(false);
  const caller = typeof trigger?.variables?.executionId === "string" ? trigger.variables.executionId : undefined;
  const ended = isTerminal(state.current);
  return (
    <dl className="facts">
      <Fact name="Execution"><span className="mono">{id}</span> <Copy text={id} /></Fact>
      <Fact name="Flow"><Link to={`flows/${namespace}/${flowId}`}>{namespace}.{flowId}</Link> <span className="quiet">revision {execution.flowRevision}</span></Fact>
      <Fact name="Created"><When date={state.startDate} /></Fact>
      {ended && <Fact name="Ended"><When date={state.endDate ?? state.histories[state.histories.length - 1]?.date} /></Fact>}
      <Fact name="Duration"><Duration state={state} /></Fact>
      {execution.scheduleDate && <Fact name="Scheduled for"><When date={execution.scheduleDate} /></Fact>}
      {trigger && <Fact name="Trigger">{trigger.id} <span className="quiet">{trigger.type.slice(trigger.type.lastIndexOf(".") + 1)}</span></Fact>}
      {caller && <Fact name="Started by"><ExecutionLink id={caller} /></Fact>}
      {parentId && <Fact name="Replay of"><ExecutionLink id={parentId} /></Fact>}
      {originalId && originalId !== id && originalId !== parentId && <Fact name="Original"><ExecutionLink id={originalId} /></Fact>}
      {metadata && metadata.attemptNumber > 1 && <Fact name="Attempt">{metadata.attemptNumber}</Fact>}
      <Fact name="Children"><Link to={`executions?triggerExecutionId=${id}`}>Executions that it started</Link></Fact>
      <Fact name="Labels">
        <Labels labels={execution.labels} all />{" "}
        <button type="button" className="small" disabled={!ended} title={ended ? undefined : "Only after it has ended"} onClick={() => setLabelling(true)}>Edit …</button>
      </Fact>
      {labelling && <LabelsDialog execution={execution} reload={reload} onClose={() => setLabelling(false)} />}
    </dl>
  );
}

/** Each state and how long it lasted. */
function History({ histories, ended }: { histories: { state: StateName; date: string }[]; ended: boolean }) {
  return (
    <table className="list narrow">
      <caption className="hidden">States of the execution</caption>
      <thead><tr><th scope="col">State</th><th scope="col">From</th><th scope="col" className="number">For</th></tr></thead>
      <tbody>
        {histories.map(({ state, date }, index) => {
          const next = histories[index + 1]?.date;
          return (
            <tr key={`${index} ${date}`}>
              <td data-label="State"><StateBadge state={state} /></td><td data-label="From"><When date={date} /></td>
              <td data-label="For" className="number">{next ? humanDuration(Date.parse(next) - Date.parse(date)) : ended ? "" : <Relative date={date} />}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

function Values({ title, value, path, id, empty }: { title: string; value?: Record<string, unknown>; path: string; id: string; empty?: string }) {
  if (!value || !Object.keys(value).length) return empty ? <section><h2>{title}</h2><Empty>{empty}</Empty></section> : null;
  return <section><h2>{title}</h2><JsonTree value={value} path={path} leaf={fileLeaf(id)} /></section>;
}

export function Overview({ execution, reload }: { execution: Execution; reload: () => void }) {
  const { id, state } = execution, command = `journalctl KESTRA_EXECUTION_ID=${id}`;
  return (
    <>
      {state.current === "FAILED" && <FailureReason execution={execution} />}
      <Waiting execution={execution} />
      <Facts execution={execution} reload={reload} />
      <div className="columns">
        <Values title="Inputs" value={execution.inputs} path="inputs" id={id} empty="It was given no inputs." />
        <Values title="Outputs" value={execution.outputs} path="" id={id} empty={isTerminal(state.current) ? "The flow has no outputs." : "Outputs come when it ends."} />
        <Values title="Variables" value={execution.variables} path="vars" id={id} />
        <Values title="Trigger variables" value={execution.trigger?.variables} path="trigger" id={id} />
        <section><h2>States</h2><History histories={state.histories} ended={isTerminal(state.current)} /></section>
      </div>
      <p className="quiet">On the server: <code>{command}</code> <Copy text={command} /></p>
    </>
  );
}
