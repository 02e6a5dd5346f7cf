// SPDX-License-Identifier: Apache-2.0
import { useState } from "react";
import { createFlow } from "../../api/flows";
import { Link, navigate } from "../../app/router";
import { PageHead } from "../../app/shell";
import { Failure } from "../../ui/basics";
import { Editor } from "../../ui/editor";
import { useAction } from "../../ui/load";
import { Problems, useValidation } from "../flow/problems";

const example = `id: hello
namespace: company.team

tasks:
  - id: hello
    type: io.kestra.plugin.core.log.Log
    message: Hello from {{ flow.id }}
`;

export default function NewFlowPage() {
  const [source, setSource] = useState(example);
  const { problems, warnings } = useValidation(source);
  const { busy, error, run } = useAction();
  const save = () => run(async () => {
    const flow = await createFlow(source);
    navigate(`flows/${flow.namespace}/${flow.id}`);
  });
  return (
    <>
      <PageHead title="New flow" text="New flow">
        <Link to="flows" className="button">Cancel</Link>
        <button className="primary" onClick={save} disabled={busy || problems.length > 0}>Create</button>
      </PageHead>
      <Failure error={error} />
      <Problems problems={problems} warnings={warnings} />
      <Editor value={source} readOnly={false} onChange={setSource} />
    </>
  );
}
