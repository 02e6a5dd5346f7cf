// SPDX-License-Identifier: Apache-2.0
import { useState } from "react";
import { searchExecutions } from "../../api/executions";
import { deleteFlow, getFlow, getFlowFiles, updateFlow } from "../../api/flows";
import { navigate } from "../../app/router";
import { PageProps } from "../../app/routes";
import { PageHead } from "../../app/shell";
import { Empty, Failure, Loading } from "../../ui/basics";
import { confirm } from "../../ui/dialog";
import { Editor } from "../../ui/editor";
import { useAction, useLoad } from "../../ui/load";
import { ExecutionTable } from "../executions/table";
import { ExecuteDialog } from "./execute";
import { Problems, useValidation } from "./problems";

export default function FlowPage({ names: { namespace, id } }: PageProps) {
  const { data: flow, error, reload } = useLoad(`${namespace}/${id}`, () => getFlow(namespace, id));
  const runs = useLoad(`${namespace}/${id}`, () => searchExecutions({ namespace, flowId: id, page: 1, size: 10, sort: "state.startDate:desc" }), 3000);
  const files = useLoad("flow-files", getFlowFiles);
  const [source, setSource] = useState<string>();
  const [asking, setAsking] = useState(false);
  const action = useAction();
  const file = files.data?.find((one) => one.flows.includes(`${namespace}.${id}`));
  const text = source ?? flow?.source ?? "";
  const changed = source !== undefined && source !== flow?.source;
  const { problems, warnings } = useValidation(changed ? text : "");
  if (!flow) return error ? <Failure error={error} /> : <Loading />;
  const save = () => action.run(async () => {
    await updateFlow(namespace, id, text);
    setSource(undefined);
    reload();
  });
  const remove = async () => {
    if (await confirm(`Delete ${namespace}.${id}?`, <p>Its executions stay.</p>, "Delete"))
      action.run(async () => { await deleteFlow(namespace, id); navigate("flows"); });
  };
  return (
    <>
      <PageHead text={flow.id} title={<>{flow.id} <span className="quiet">{flow.namespace} · revision {flow.revision}</span></>}>
        <button className="danger" onClick={remove} disabled={!!file || action.busy}>Delete</button>
        <button onClick={save} disabled={!!file || !changed || problems.length > 0 || action.busy}>Save</button>
        <button className="primary" onClick={() => setAsking(true)} disabled={flow.disabled}>Execute</button>
      </PageHead>
      {flow.description && <p>{flow.description}</p>}
      {file && (
        <p className="notice">
          This flow comes from the file <code>{file.path}</code> of the flow directory and is changed there.
          {file.error && <> The file has an error, so the last good revision is running: {file.error}</>}
        </p>
      )}
      <Failure error={action.error ?? error} />
      <Problems problems={changed ? problems : []} warnings={changed ? warnings : []} />
      <Editor value={text} readOnly={!!file} onChange={setSource} />
      <h2>Executions</h2>
      {runs.data && (runs.data.results.length ? <ExecutionTable executions={runs.data.results} /> : <Empty>Not executed yet.</Empty>)}
      {asking && <ExecuteDialog flow={flow} onClose={() => setAsking(false)} />}
    </>
  );
}
