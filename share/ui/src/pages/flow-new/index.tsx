// SPDX-License-Identifier: Apache-2.0
import { useState } from "react";
import { createFlow, getFlow } from "../../api/flows";
import { Link, navigate, useLocation } from "../../app/router";
import { PageHead } from "../../app/shell";
import { Failure, Loading } from "../../ui/basics";
import { useAction, useLoad } from "../../ui/load";
import { useUnsaved } from "../../ui/unsaved";
import { useValidation } from "../flow/problems";
import { SourceEditor } from "../flow/source-editor";

const example = `id: hello
namespace: company.team

tasks:
  - id: hello
    type: io.kestra.plugin.core.log.Log
    message: Hello from {{ flow.id }}
`;

function NewFlow({ start }: { start: string }) {
  const [source, setSource] = useState(start);
  const check = useValidation(source);
  const { saved } = useUnsaved(source !== start);
  const { busy, error, run } = useAction();
  const save = () => run(async () => {
    const flow = await createFlow(source);
    saved();
    navigate(`flows/${flow.namespace}/${flow.id}/editor`);
  });
  return (
    <>
      <PageHead title="New flow" text="New flow">
        <Link to="flows" className="button">Cancel</Link>
        <button type="button" className="primary" onClick={save} disabled={busy}>Create</button>
      </PageHead>
      <Failure error={error} />
      <SourceEditor source={source} readOnly={false} onChange={setSource} onSave={save} check={check} />
    </>
  );
}

/** `?copy=NAMESPACE/ID` begins with another flow's text under a new id, `?namespace=` with the example in that namespace. */
export default function NewFlowPage() {
  const { query } = useLocation();
  const copy = query.get("copy") ?? "", [namespace, id] = copy.split("/");
  const { data, error } = useLoad(`copy ${copy}`, async () => (copy ? (await getFlow(namespace, id)).source ?? "" : undefined));
  if (!copy) return <NewFlow start={query.get("namespace") ? example.replace("company.team", query.get("namespace") ?? "") : example} />;
  if (data === undefined) return error ? <Failure error={error} /> : <Loading />;
  return <NewFlow start={data.replace(/^(id\s*:\s*)(\S+)(.*)$/m, `$1${id}-copy$3`)} />;
}
