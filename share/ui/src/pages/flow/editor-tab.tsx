// SPDX-License-Identifier: Apache-2.0
import { useEffect, useState } from "react";
import { getFlow, updateFlow } from "../../api/flows";
import { Link } from "../../app/router";
import { Failure } from "../../ui/basics";
import { confirm } from "../../ui/dialog";
import { useAction, useLoad } from "../../ui/load";
import { toast } from "../../ui/toast";
import { useUnsaved } from "../../ui/unsaved";
import type { TabProps } from ".";
import { useValidation } from "./problems";
import { SourceEditor } from "./source-editor";

interface Base { source: string; revision: number }

/** What somebody else has saved since the text was taken; undefined: nothing. */
function useNewer({ namespace, id }: TabProps["flow"], base: Base) {
  const { data } = useLoad(`newer ${namespace}/${id}`, () => getFlow(namespace, id), 10000);
  return data && data.revision > base.revision ? data : undefined;
}

export default function EditorTab({ flow, file, reload }: TabProps) {
  const { namespace, id } = flow;
  const [base, setBase] = useState<Base>({ source: flow.source ?? "", revision: flow.revision });
  const [source, setSource] = useState(base.source);
  const action = useAction();
  const changed = source !== base.source, readOnly = Boolean(file);
  const newer = useNewer(flow, base);
  const check = useValidation(readOnly ? "" : source);
  const { leave } = useUnsaved(changed);
  const take = ({ source: text = "", revision }: { source?: string; revision: number }) => {
    setBase({ source: text, revision });
    setSource(text);
  };
  // Nothing was written yet: the newest text is what one wants to see.
  useEffect(() => { if (!changed && flow.revision > base.revision) take(flow); });
  const save = () => action.run(async () => {
    if (readOnly || !changed) return;
    if (newer && !(await confirm("Save over a newer revision?", <p>Revision {newer.revision} was saved meanwhile. It stays among the revisions, but what it changed is not in this text.</p>, "Save"))) return;
    const saved = await updateFlow(namespace, id, source);
    // What was written while the server saved stays unsaved.
    setBase({ source, revision: saved.revision });
    toast(`Saved as revision ${saved.revision}`);
    reload();
  });
  const discard = async () => { if (await leave()) setSource(base.source); };
  const takeNewer = async () => { if (newer && (!changed || (await leave()))) take(newer); };
  return (
    <>
      {newer && (
        <p className="notice" role="alert">Revision {newer.revision} was saved meanwhile. <Link to={`flows/${namespace}/${id}/revisions?left=${base.revision}&right=${newer.revision}`}>See what it changes</Link>{" "}
          <button type="button" onClick={() => void takeNewer()}>Take its text</button></p>
      )}
      {!readOnly && (
        <div className="bar">
          <span className="quiet" role="status">{changed ? "Not saved" : `Revision ${base.revision}`}</span>
          <span className="spacer" />
          <button type="button" disabled={!changed || action.busy} onClick={() => void discard()}>Discard</button>
          <button type="button" className="primary" onClick={save} disabled={!changed || action.busy}>Save</button>
        </div>
      )}
      <Failure error={action.error} />
      <SourceEditor source={source} readOnly={readOnly} onChange={setSource} onSave={save} flow={{ namespace, id }} check={check} />
    </>
  );
}
