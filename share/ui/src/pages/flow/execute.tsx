// SPDX-License-Identifier: Apache-2.0
import { useRef } from "react";
import { execute } from "../../api/executions";
import { Flow, Input } from "../../api/types";
import { navigate } from "../../app/router";
import { Dialog } from "../../ui/dialog";
import { useAction } from "../../ui/load";

function InputField({ input }: { input: Input }) {
  const id = `input-${input.id}`;
  const initial = input.defaults === undefined || input.defaults === null ? ""
    : typeof input.defaults === "object" ? JSON.stringify(input.defaults) : String(input.defaults);
  const required = (input.required ?? true) && initial === "";
  const common = { id, name: input.id, required, defaultValue: initial };
  let field = <input {...common} type={input.type === "SECRET" ? "password" : "text"} />;
  if (input.type === "INT") field = <input {...common} type="number" step="1" />;
  else if (input.type === "FLOAT") field = <input {...common} type="number" step="any" />;
  else if (input.type === "BOOLEAN" || input.type === "BOOL")
    field = <select {...common} required={required}><option value="" /><option>true</option><option>false</option></select>;
  else if (input.values) field = <select {...common}><option value="" />{input.values.map((value) => <option key={value}>{value}</option>)}</select>;
  else if (input.type === "JSON" || input.type === "YAML" || input.type === "ARRAY") field = <textarea {...common} rows={4} />;
  else if (input.type === "FILE") field = <input id={id} name={input.id} type="file" required={required} />;
  return (
    <p className="field">
      <label htmlFor={id}>{input.displayName ?? input.id} <span className="quiet">{input.type}{required ? " · required" : ""}</span></label>
      {field}
      {input.description && <span className="quiet">{input.description}</span>}
    </p>
  );
}

/** Empty fields are left out, so that the flow's defaults hold; a file part's filename is the input's id. */
function formInputs(form: HTMLFormElement): FormData {
  const inputs = new FormData();
  new FormData(form).forEach((value, name) => {
    if (value instanceof File) {
      if (value.size > 0) inputs.append("files", value, name);
    } else if (value !== "") {
      inputs.append(name, value);
    }
  });
  return inputs;
}

export function ExecuteDialog({ flow, onClose }: { flow: Flow; onClose: () => void }) {
  const action = useAction();
  const fields = useRef<HTMLDivElement>(null);
  const submit = () => action.run(async () => {
    const form = fields.current?.closest("form");
    if (!form) return;
    const execution = await execute(flow.namespace, flow.id, formInputs(form));
    onClose();
    navigate(`executions/${execution.namespace}/${execution.flowId}/${execution.id}`);
  });
  return (
    <Dialog title={`Execute ${flow.id}`} submit="Execute" action={action} onClose={onClose} onSubmit={submit}>
      <div ref={fields}>
        {(flow.inputs ?? []).map((input) => <InputField key={input.id} input={input} />)}
        {!flow.inputs?.length && <p className="quiet">This flow has no inputs.</p>}
      </div>
    </Dialog>
  );
}
