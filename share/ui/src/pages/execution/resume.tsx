// SPDX-License-Identifier: Apache-2.0
// Resumes a paused execution, with the inputs that its Pause task asks for.
import { useState } from "react";
import { checkResumeInputs, resumeExecution } from "../../api/executions";
import { Execution, Input } from "../../api/types";
import { InputsForm, useInputsCheck, wrongInputs } from "../../inputs/form";
import { formOf, Values } from "../../inputs/values";
import { Dialog } from "../../ui/dialog";
import { Failure, Loading } from "../../ui/basics";
import { useAction, useLoad } from "../../ui/load";
import { toast } from "../../ui/toast";
import { AskProps } from "./dialogs";

function ResumeForm({ execution, inputs, onClose, reload }: AskProps & { inputs: Input[]; execution: Execution }) {
  const action = useAction();
  const [values, setValues] = useState<Values>({}), [tried, setTried] = useState(false);
  const { states, error } = useInputsCheck(inputs, values, (form) => checkResumeInputs(execution.id, form));
  const submit = () => action.run(async () => {
    setTried(true);
    // Asked again: who is quick has not seen what the last keys changed.
    const now = new Map((await checkResumeInputs(execution.id, formOf(inputs, values, false))).inputs.map((one) => [one.input.id, one]));
    const wrong = wrongInputs(values, now);
    if (wrong.length) throw new Error(`Not resumed: look at ${wrong.join(", ")}.`);
    await resumeExecution(execution.id, formOf(inputs.filter(({ id }) => now.get(id)?.enabled !== false), values, true));
    toast("Resumed");
    onClose();
    reload();
  });
  return (
    <Dialog title="Resume" submit="Resume" action={action} onClose={onClose} onSubmit={submit}>
      {inputs.length ? <InputsForm inputs={inputs} values={values} states={states} onChange={setValues} all={tried} /> : <p>It goes on after the task that paused it.</p>}
      <Failure error={error} />
    </Dialog>
  );
}

export function ResumeDialog(props: AskProps) {
  const { data, error } = useLoad(`resume ${props.execution.id}`, () => checkResumeInputs(props.execution.id, new FormData()));
  if (data) return <ResumeForm {...props} inputs={data.inputs.map(({ input }) => input)} />;
  return <Dialog title="Resume" onClose={props.onClose}>{error ? <Failure error={error} /> : <Loading />}</Dialog>;
}
