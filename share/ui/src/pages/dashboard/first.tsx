// SPDX-License-Identifier: Apache-2.0
// Where there is no flow yet: one click makes the first one and runs it.
import { createFlow } from "../../api/flows";
import { execute } from "../../api/executions";
import { navigate } from "../../app/router";
import { Failure } from "../../ui/basics";
import { useAction } from "../../ui/load";
import { executionAt } from "../executions/table";

const source = `id: hello
namespace: company.team
description: The first flow

tasks:
  - id: hello
    type: io.kestra.plugin.core.log.Log
    message: Hello from {{ flow.id }}
`;

export function FirstRun() {
  const action = useAction();
  const begin = () => action.run(async () => {
    const flow = await createFlow(source);
    navigate(executionAt(await execute(flow.namespace, flow.id, new FormData())));
  });
  return (
    <section className="card empty first">
      <h2>No flow yet</h2>
      <p>A flow is a YAML text: tasks, and what starts them. This one writes a line into its log.</p>
      <pre className="json">{source}</pre>
      <Failure error={action.error} />
      <div className="bar">
        <button type="button" className="primary" disabled={action.busy} onClick={begin}>Make it and run it</button>
        <button type="button" onClick={() => navigate("flows/new")}>Write my own</button>
      </div>
      <p className="quiet">Or save a file in <code>/etc/kestra/flows</code>: it is read when it is saved.</p>
    </section>
  );
}
