// SPDX-License-Identifier: Apache-2.0
import { FormEvent, useEffect, useState } from "react";
import { createFlow, deleteFlow, execute, getFlow, getFlowFiles, searchExecutions, updateFlow, validateFlow } from "../api";
import { Empty, Failure, useAction, useLoad } from "../components";
import { Editor } from "../editor";
import { Link, navigate } from "../router";
import { Flow, Input } from "../types";
import { ExecutionTable } from "./executions";

const example = `id: hello
namespace: company.team

tasks:
  - id: hello
    type: io.kestra.plugin.core.log.Log
    message: Hello from {{ flow.id }}
`;

/** What the server says about the text, a moment after the last key. */
function useValidation(source: string): { problems: string[]; warnings: string[] } {
  const [problems, setProblems] = useState<string[]>([]);
  const [warnings, setWarnings] = useState<string[]>([]);
  useEffect(() => {
    if (!source) return undefined;
    const timer = setTimeout(() => {
      validateFlow(source).then(
        (found) => {
          setProblems(found.flatMap((one) => one.constraints?.split("\n").filter(Boolean) ?? []));
          setWarnings(found.flatMap((one) => [...(one.warnings ?? []), ...(one.expressionWarnings ?? [])]));
        },
        (error: Error) => setProblems([error.message]),
      );
    }, 400);
    return () => clearTimeout(timer);
  }, [source]);
  return { problems, warnings };
}

const Problems = ({ problems, warnings }: { problems: string[]; warnings: string[] }) => (
  <>
    {problems.length > 0 && <ul className="failure" role="status">{problems.map((text) => <li key={text}>{text}</li>)}</ul>}
    {warnings.length > 0 && <ul className="notice" role="status">{warnings.map((text) => <li key={text}>{text}</li>)}</ul>}
  </>
);

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

function ExecuteDialog({ flow, onClose }: { flow: Flow; onClose: () => void }) {
  const { busy, error, run } = useAction();
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const inputs = formInputs(event.currentTarget);
    run(async () => {
      const execution = await execute(flow.namespace, flow.id, inputs);
      navigate(`executions/${execution.namespace}/${execution.flowId}/${execution.id}`);
    });
  };
  return (
    <div className="veil" onClick={(event) => { if (event.target === event.currentTarget) onClose(); }}>
      <form className="dialog" onSubmit={submit} role="dialog" aria-label={`Execute ${flow.id}`}
            onKeyDown={(event) => { if (event.key === "Escape") onClose(); }}>
        <h2>Execute {flow.id}</h2>
        {(flow.inputs ?? []).map((input) => <InputField key={input.id} input={input} />)}
        {!flow.inputs?.length && <p className="quiet">This flow has no inputs.</p>}
        <Failure error={error} />
        <p className="actions">
          <button type="button" onClick={onClose}>Cancel</button>
          <button className="primary" disabled={busy} autoFocus={!flow.inputs?.length}>Execute</button>
        </p>
      </form>
    </div>
  );
}

export function FlowPage({ namespace, id }: { namespace: string; id: string }) {
  const { data: flow, error, reload } = useLoad(`${namespace}/${id}`, () => getFlow(namespace, id));
  const runs = useLoad(`${namespace}/${id}`, () => searchExecutions({ namespace, flowId: id, page: 1, size: 10 }), 3000);
  const files = useLoad("flow-files", getFlowFiles);
  const [source, setSource] = useState<string>();
  const [asking, setAsking] = useState(false);
  const action = useAction();
  const file = files.data?.find((one) => one.flows.includes(`${namespace}.${id}`));
  const text = source ?? flow?.source ?? "";
  const changed = source !== undefined && source !== flow?.source;
  const { problems, warnings } = useValidation(changed ? text : "");
  if (error) return <Failure error={error} />;
  if (!flow) return null;
  const save = () => action.run(async () => {
    await updateFlow(namespace, id, text);
    setSource(undefined);
    reload();
  });
  const remove = () => {
    if (window.confirm(`Delete the flow ${namespace}.${id}? Its executions stay.`))
      action.run(async () => { await deleteFlow(namespace, id); navigate("flows"); });
  };
  return (
    <>
      <div className="bar">
        <h1>{flow.id} <span className="quiet">{flow.namespace} · revision {flow.revision}</span></h1>
        <button className="danger" onClick={remove} disabled={!!file || action.busy}>Delete</button>
        <button onClick={save} disabled={!!file || !changed || problems.length > 0 || action.busy}>Save</button>
        <button className="primary" onClick={() => setAsking(true)} disabled={flow.disabled}>Execute</button>
      </div>
      {flow.description && <p>{flow.description}</p>}
      {file && (
        <p className="notice">
          This flow comes from the file <code>{file.path}</code> of the flow directory and is changed there.
          {file.error && <> The file has an error, so the last good revision is running: {file.error}</>}
        </p>
      )}
      <Failure error={action.error} />
      <Problems problems={changed ? problems : []} warnings={changed ? warnings : []} />
      <Editor value={text} readOnly={!!file} onChange={setSource} />
      <h2>Executions</h2>
      {runs.data && (runs.data.results.length ? <ExecutionTable executions={runs.data.results} /> : <Empty>Not executed yet.</Empty>)}
      {asking && <ExecuteDialog flow={flow} onClose={() => setAsking(false)} />}
    </>
  );
}

export function NewFlowPage() {
  const [source, setSource] = useState(example);
  const { problems, warnings } = useValidation(source);
  const { busy, error, run } = useAction();
  const save = () => run(async () => {
    const flow = await createFlow(source);
    navigate(`flows/${flow.namespace}/${flow.id}`);
  });
  return (
    <>
      <div className="bar">
        <h1>New flow</h1>
        <Link to="flows" className="button">Cancel</Link>
        <button className="primary" onClick={save} disabled={busy || problems.length > 0}>Create</button>
      </div>
      <Failure error={error} />
      <Problems problems={problems} warnings={warnings} />
      <Editor value={source} readOnly={false} onChange={setSource} />
    </>
  );
}
