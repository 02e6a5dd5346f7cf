// SPDX-License-Identifier: Apache-2.0
// Starting an execution: its inputs, labels, date and revision, and the same call for a shell.
import { useEffect, useMemo, useState } from "react";
import { checkStart, getExecution, startAddress, startExecution } from "../../api/executions-start";
import { getFlow } from "../../api/flows";
import { Execution, Flow } from "../../api/types";
import { navigate } from "../../app/router";
import { InputsForm, useInputsCheck, wrongInputs } from "../../inputs/form";
import { clearedOf, curlOf, formOf, Values, valuesFrom } from "../../inputs/values";
import { Copy, Failure, Loading } from "../../ui/basics";
import { Dialog } from "../../ui/dialog";
import { useAction, useLoad } from "../../ui/load";
import { Markdown } from "../../ui/markdown";
import { StartOptions, startOf, StartForm, Webhooks } from "./execute-options";

function ExecuteForm({ flow, earlier, onClose, options, setOptions }: { flow: Flow; earlier?: Execution; onClose: () => void; options: StartOptions; setOptions: (options: StartOptions) => void }) {
  const action = useAction();
  const inputs = flow.inputs ?? noInputs;
  const [values, setValues] = useState<Values>(() => valuesFrom(inputs, earlier?.inputs));
  const [tried, setTried] = useState(false);
  const [sent, setSent] = useState<number>();
  const revision = options.revision ? Number(options.revision) : undefined;
  const { states, error } = useInputsCheck(inputs, values, (form, cleared) => checkStart(flow.namespace, flow.id, form, { revision, cleared }));
  const start = { ...startOf(options), cleared: clearedOf(inputs, values) };
  const asked = inputs.filter((input) => states.get(input.id)?.enabled !== false);
  const submit = () => action.run(async () => {
    setTried(true);
    // What was said last may be about what stood there before.
    const now = inputs.length ? await checkStart(flow.namespace, flow.id, formOf(inputs, values, false), { revision, cleared: clearedOf(inputs, values) }) : { inputs: [] };
    const wrong = wrongInputs(values, new Map(now.inputs.map((one) => [one.input.id, one])));
    const asked = inputs.filter(({ id }) => now.inputs.find((one) => one.input.id === id)?.enabled !== false);
    if (wrong.length) {
      focusIn(document.getElementById(`input-${wrong[0]}`));
      throw new Error(`Not started: look at ${wrong.join(", ")}.`);
    }
    const execution = await startExecution(flow.namespace, flow.id, formOf(asked, values, true), start, setSent).finally(() => setSent(undefined));
    onClose();
    navigate(`executions/${execution.namespace}/${execution.flowId}/${execution.id}`);
  });
  useEffect(() => {
    // The dialog's own choice would be a link in the description.
    const first = document.querySelector<HTMLElement>("dialog .fields :is(input, select, textarea, button)") ?? document.querySelector<HTMLElement>("dialog [type=submit]");
    first?.focus();
  }, []);
  const command = curlOf(new URL(startAddress(flow.namespace, flow.id, start), window.location.href).href, asked, values);
  return (
    <Dialog title={`Execute ${flow.id}`} submit="Execute" action={action} onClose={onClose} onSubmit={submit}>
      {flow.description && <div className="quiet"><Markdown text={flow.description} /></div>}
      {earlier && <p className="notice">Filled in from execution <span className="mono">{earlier.id.slice(0, 8)}</span>. Secrets and files are not kept: give them again.</p>}
      {inputs.length ? <InputsForm inputs={inputs} values={values} states={states} onChange={setValues} all={tried} /> : <p className="quiet">This flow has no inputs.</p>}
      <Failure error={error} />
      <StartForm options={options} onChange={setOptions} latest={flow.revision} />
      <details><summary>As a command</summary><pre className="json">{command}</pre><Copy text={command}>Copy the command</Copy></details>
      <Webhooks flow={flow} />
      {sent !== undefined && sent < 1 && <progress value={sent} aria-label="Sent">{Math.round(sent * 100)} %</progress>}
    </Dialog>
  );
}

/** A control of several parts takes the focus at its first. */
function focusIn(control: HTMLElement | null): void {
  const parts = "input, select, textarea, button";
  (control?.matches(parts) ? control : control?.querySelector<HTMLElement>(parts))?.focus();
}

const noInputs: NonNullable<Flow["inputs"]> = [];

/** `prefill`: the id of an execution whose inputs and labels are offered. */
export function ExecuteDialog({ flow, prefill, onClose }: { flow: Flow; prefill?: string; onClose: () => void }) {
  const earlier = useLoad(`prefill ${prefill ?? ""}`, async () => (prefill ? getExecution(prefill) : undefined));
  const [chosen, setOptions] = useState<StartOptions>();
  const given = useMemo<StartOptions>(() => ({ labels: (earlier.data?.labels ?? []).filter(({ key, value }) => !key.startsWith("system.") && !flow.labels?.some((one) => one.key === key && one.value === value)), scheduleDate: "", revision: "" }), [earlier.data, flow.labels]);
  const options = chosen ?? given;
  const other = useLoad(`${flow.namespace}/${flow.id}/${options.revision}`, async () => (options.revision ? getFlow(flow.namespace, flow.id, Number(options.revision)) : flow));
  const shown = options.revision ? other.data : flow;
  if ((prefill && !earlier.data) || !shown)
    return <Dialog title={`Execute ${flow.id}`} onClose={onClose}><Failure error={earlier.error ?? other.error} />{!earlier.error && !other.error && <Loading />}
      {other.error && <button type="button" onClick={() => setOptions({ ...options, revision: "" })}>Use the latest revision</button>}</Dialog>;
  return <ExecuteForm key={options.revision} flow={{ ...shown, source: undefined }} earlier={earlier.data} onClose={onClose} options={options} setOptions={setOptions} />;
}
