// SPDX-License-Identifier: Apache-2.0
import { useState } from "react";
import { discardPoison, getPoison, replayPoison, searchPoison } from "../../api/others";
import { Poison } from "../../api/types";
import { Link } from "../../app/router";
import { PageHead } from "../../app/shell";
import { Failure, When } from "../../ui/basics";
import { confirm } from "../../ui/dialog";
import { useAction, useLoad } from "../../ui/load";
import { NoRows, Pager, usePaging } from "../../ui/table";

/** The body of one message; JSON is indented, anything else is shown as it is. */
function Body({ id }: { id: string }) {
  const { data, error } = useLoad(id, () => getPoison(id));
  let text = data?.body ?? "";
  try {
    text = JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    // Not JSON: that may be why it is here.
  }
  return <><Failure error={error} /><pre className="body">{text}</pre></>;
}

function Row({ message, done }: { message: Poison; done: () => void }) {
  const [open, setOpen] = useState(false);
  const action = useAction();
  const act = (what: (id: string) => Promise<void>) => action.run(() => what(message.id).then(done));
  const discard = async () => {
    if (await confirm("Discard this message?", <p>What it would have done does not happen. It cannot be taken back.</p>, "Discard")) act(discardPoison);
  };
  return (
    <>
      <tr>
        <td data-label="Id"><button className="plain mono" aria-expanded={open} onClick={() => setOpen(!open)}>{message.id}</button></td>
        <td data-label="Kind">{message.kind}</td>
        <td data-label="Of">
          {message.executionId
            ? <Link to={`executions?q=${message.executionId}`} className="mono">{message.executionId}</Link>
            : <span className="mono">{message.key}</span>}
        </td>
        <td data-label="Set aside"><When date={message.setAside} /></td>
        <td data-label="Reason">{message.reason}<Failure error={action.error} /></td>
        <td className="buttons">
          <button disabled={action.busy} onClick={() => act(replayPoison)}>Replay</button>{" "}
          <button disabled={action.busy} onClick={discard}>Discard</button>
        </td>
      </tr>
      {open && <tr><td colSpan={6}><Body id={message.id} /></td></tr>}
    </>
  );
}

export default function PoisonPage() {
  const { page, size } = usePaging();
  const { data, error, reload } = useLoad(`poison|${page}|${size}`, () => searchPoison({ page, size }), 5000);
  return (
    <>
      <PageHead title="Set aside" text="Set aside" />
      <p>Messages between the roles that could not be handled. Once the cause is mended they can be replayed.</p>
      <Failure error={error} />
      {data && data.results.length === 0 && <NoRows>Nothing is set aside.</NoRows>}
      {data && data.results.length > 0 && (
        <>
          <table className="list">
            <thead><tr><th>Id</th><th>Kind</th><th>Of</th><th>Set aside</th><th>Reason</th><th><span className="hidden">Actions</span></th></tr></thead>
            <tbody>{data.results.map((message) => <Row key={message.id} message={message} done={reload} />)}</tbody>
          </table>
          <Pager total={data.total} />
        </>
      )}
    </>
  );
}
