// SPDX-License-Identifier: Apache-2.0
// What an action asks before it is done.
import { useState } from "react";
import { changeState, changeTaskState, deleteExecution, replayExecution, restartExecution, setLabels } from "../../api/executions";
import { getRevisions } from "../../api/flows";
import { Execution, Label, StateName, TaskRun } from "../../api/types";
import { navigate } from "../../app/router";
import { Dialog } from "../../ui/dialog";
import { useAction, useLoad } from "../../ui/load";
import { toast } from "../../ui/toast";
import { executionPath, runTitle } from "./live";

export interface AskProps { execution: Execution; onClose: () => void; reload: () => void }

/** Which revision of the flow goes on: that of the execution, unless another is chosen. */
function RevisionField({ execution, value, onChange }: { execution: Execution; value: string; onChange: (value: string) => void }) {
  const { data } = useLoad(`revisions ${execution.namespace}/${execution.flowId}`, () => getRevisions(execution.namespace, execution.flowId));
  const revisions = (data ?? []).map(({ revision }) => revision).filter((one) => one !== execution.flowRevision).sort((a, b) => b - a);
  return (
    <label className="field">Revision of the flow
      <select value={value} onChange={(event) => onChange(event.target.value)}>
        <option value="">{execution.flowRevision}, as before</option>
        {revisions.map((one, index) => <option key={one} value={one}>{one}{index === 0 && one > execution.flowRevision ? ", the latest" : ""}</option>)}
      </select>
    </label>
  );
}

export function RestartDialog({ execution, onClose, reload }: AskProps) {
  const action = useAction();
  const [revision, setRevision] = useState("");
  const submit = () => action.run(async () => {
    await restartExecution(execution.id, revision ? Number(revision) : undefined);
    toast("Restarted");
    onClose();
    reload();
  });
  return (
    <Dialog title="Restart this execution?" submit="Restart" action={action} onClose={onClose} onSubmit={submit}>
      <p>It goes on at the tasks that failed. What succeeded is kept and not run again.</p>
      <RevisionField execution={execution} value={revision} onChange={setRevision} />
    </Dialog>
  );
}

export function ReplayDialog({ execution, run, onClose }: { execution: Execution; run?: TaskRun; onClose: () => void }) {
  const action = useAction();
  const [revision, setRevision] = useState(""), [from, setFrom] = useState(run?.id ?? "");
  const submit = () => action.run(async () => {
    const next = await replayExecution(execution.id, from || undefined, revision ? Number(revision) : undefined);
    toast("A new execution has started");
    onClose();
    navigate(executionPath(next));
  });
  return (
    <Dialog title="Replay" submit="Replay" action={action} onClose={onClose} onSubmit={submit}>
      <p>A new execution with the same inputs. This one stays as it is.</p>
      <label className="field">Begin at
        <select value={from} onChange={(event) => setFrom(event.target.value)}>
          <option value="">the first task</option>
          {(execution.taskRunList ?? []).slice(0, 2000).map((one) => <option key={one.id} value={one.id}>{runTitle(one)}</option>)}
        </select>
      </label>
      <RevisionField execution={execution} value={revision} onChange={setRevision} />
    </Dialog>
  );
}

function StateField({ states, value, onChange }: { states: StateName[]; value: string; onChange: (value: StateName) => void }) {
  return (
    <label className="field">New state
      <select value={value} onChange={(event) => onChange(event.target.value as StateName)}>{states.map((state) => <option key={state}>{state}</option>)}</select>
    </label>
  );
}

const ends: StateName[] = ["SUCCESS", "WARNING", "FAILED", "KILLED", "CANCELLED"];

export function StateDialog({ execution, onClose, reload }: AskProps) {
  const action = useAction(), states = ends.filter((state) => state !== execution.state.current);
  const [state, setState] = useState<StateName>(states[0]);
  const submit = () => action.run(async () => {
    await changeState(execution.id, state);
    toast(`The execution is ${state} now`);
    onClose();
    reload();
  });
  return (
    <Dialog title="Change the state of the execution" submit="Change" action={action} onClose={onClose} onSubmit={submit}>
      <p>Only the state of the whole changes; nothing is run. It is {execution.state.current} now.</p>
      <StateField states={states} value={state} onChange={setState} />
    </Dialog>
  );
}

export function TaskStateDialog({ execution, run, onClose, reload }: AskProps & { run: TaskRun }) {
  const action = useAction(), states = (["SUCCESS", "WARNING", "FAILED"] as StateName[]).filter((state) => state !== run.state.current);
  const [state, setState] = useState<StateName>(states[0]);
  const submit = () => action.run(async () => {
    await changeTaskState(execution.id, run.id, state);
    toast(`${runTitle(run)} is ${state} now`);
    onClose();
    reload();
  });
  return (
    <Dialog title={`Change the state of ${runTitle(run)}`} submit="Change" action={action} onClose={onClose} onSubmit={submit}>
      <p>The execution goes on from this task, as if it had ended so. It is {run.state.current} now.</p>
      <StateField states={states} value={state} onChange={setState} />
    </Dialog>
  );
}

export function LabelsDialog({ execution, onClose, reload }: AskProps) {
  const action = useAction();
  const own = (execution.labels ?? []).filter(({ key }) => !key.startsWith("system."));
  const [labels, setAll] = useState<Label[]>([...own, { key: "", value: "" }]);
  const change = (at: number, part: Partial<Label>) => {
    const next = labels.map((label, index) => (index === at ? { ...label, ...part } : label));
    setAll(next[next.length - 1].key ? [...next, { key: "", value: "" }] : next);
  };
  const submit = () => action.run(async () => {
    await setLabels(execution.id, labels.filter(({ key }) => key));
    toast("Labels set");
    onClose();
    reload();
  });
  return (
    <Dialog title="Labels" submit="Set labels" action={action} onClose={onClose} onSubmit={submit}>
      <p className="quiet">A label that is there already gets a new value; none is taken away.</p>
      {labels.map((label, index) => (
        <p key={index} className="label-field">
          <input aria-label={`Key of label ${index + 1}`} placeholder="key" value={label.key} readOnly={index < own.length} onChange={(event) => change(index, { key: event.target.value })} />
          <input aria-label={`Value of label ${index + 1}`} placeholder="value" value={label.value} required={Boolean(label.key)} onChange={(event) => change(index, { value: event.target.value })} />
        </p>
      ))}
    </Dialog>
  );
}

export function DeleteDialog({ execution, onClose }: AskProps) {
  const action = useAction();
  const submit = () => action.run(async () => {
    await deleteExecution(execution.id);
    toast("Execution deleted");
    onClose();
    navigate(`executions?namespace=${execution.namespace}&flowId=${execution.flowId}`);
  });
  return (
    <Dialog title="Delete this execution?" submit="Delete" danger action={action} onClose={onClose} onSubmit={submit}>
      <p>Its task runs, logs, metrics and files go with it. It cannot be brought back.</p>
    </Dialog>
  );
}
