// SPDX-License-Identifier: Apache-2.0
// A backfill runs a schedule for dates that are past.
import { useState } from "react";
import { checkStart } from "../../api/executions-start";
import { changeTrigger } from "../../api/others";
import { Flow, Label, TriggerState } from "../../api/types";
import { InputsForm, useInputsCheck } from "../../inputs/form";
import { Values } from "../../inputs/values";
import { Dialog } from "../../ui/dialog";
import { useAction } from "../../ui/load";
import { toast } from "../../ui/toast";
import { LabelRows } from "./execute-options";

const none: NonNullable<Flow["inputs"]> = [];
const local = (date: Date) => new Date(date.getTime() - date.getTimezoneOffset() * 60000).toISOString().slice(0, 16);

export function BackfillDialog({ flow, state, onClose, onDone }: { flow: Flow; state: TriggerState; onClose: () => void; onDone: () => void }) {
  const action = useAction();
  const [start, setStart] = useState(() => local(new Date(Date.now() - 86400000)));
  const [end, setEnd] = useState(() => local(new Date()));
  const [labels, setLabels] = useState<Label[]>([]);
  const [values, setValues] = useState<Values>({});
  // A file belongs to one execution; a backfill starts many.
  const inputs = flow.inputs?.filter(({ type }) => type !== "FILE") ?? none;
  const { states } = useInputsCheck(inputs, values, (form, cleared) => checkStart(flow.namespace, flow.id, form, { cleared }));
  const submit = () => action.run(async () => {
    const given = Object.fromEntries(Object.entries(values).filter(([, value]) => typeof value === "string" && value !== ""));
    await changeTrigger({ ...state, backfill: { start: new Date(start).toISOString(), end: new Date(end).toISOString(), inputs: given, labels: labels.filter(({ key }) => key) } });
    toast("The backfill begins");
    onDone();
    onClose();
  });
  const ordered = start && end && start < end;
  return (
    <Dialog title={`Backfill ${state.triggerId}`} submit="Begin" disabled={!ordered} action={action} onClose={onClose} onSubmit={submit}>
      <p className="quiet">Every date of the schedule between the two starts an execution.</p>
      <label className="field">From<input type="datetime-local" required value={start} onChange={(event) => setStart(event.target.value)} /></label>
      <label className="field">Until<input type="datetime-local" required value={end} aria-invalid={!ordered} onChange={(event) => setEnd(event.target.value)} /></label>
      {!ordered && <p className="field-error">The first date must be before the last.</p>}
      {inputs.length > 0 && <details><summary>Inputs</summary><InputsForm inputs={inputs} values={values} states={states} onChange={setValues} /></details>}
      <details><summary>Labels</summary><LabelRows labels={labels} onChange={setLabels} /></details>
    </Dialog>
  );
}
