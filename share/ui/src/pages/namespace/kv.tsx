// SPDX-License-Identifier: Apache-2.0
// The key-value store of a namespace.
import { useState } from "react";
import { deleteKv, getKv, listKv } from "../../api/others";
import { KvEntry } from "../../api/types";
import { useParameter } from "../../app/router";
import { Copy, Empty, Failure, Loading, Relative, Stale, When } from "../../ui/basics";
import { confirm } from "../../ui/dialog";
import { useLoad } from "../../ui/load";
import { Column, Table } from "../../ui/table";
import { telling } from "../../ui/toast";
import type { TabProps } from ".";
import { KvDialog } from "./kv-dialog";

/** Fetched when it is asked for: values may be large. */
function Value({ namespace, entry }: { namespace: string; entry: KvEntry }) {
  const [open, setOpen] = useState(false);
  if (!open) return <button type="button" className="small" onClick={() => setOpen(true)} aria-label={`Show the value of ${entry.key}`}>Show</button>;
  return <Shown namespace={namespace} entry={entry} />;
}

function Shown({ namespace, entry }: { namespace: string; entry: KvEntry }) {
  const { data, error } = useLoad(`kv ${namespace}/${entry.key}/${entry.updateDate}`, () => getKv(namespace, entry.key));
  if (!data) return error ? <Failure error={error} /> : <Loading />;
  const text = typeof data.value === "string" ? data.value : JSON.stringify(data.value ?? null, null, 2);
  return <><span className="tag">{data.type}</span><Copy text={text} /><pre className="body">{text}</pre></>;
}

export function KeyValues({ namespace }: TabProps) {
  const [q, setQ] = useParameter("q");
  const [changed, setChanged] = useState<{ key?: string }>();
  const { data, error, at, reload } = useLoad(`kv ${namespace}`, () => listKv(namespace), 10000);
  const remove = async (key: string) => {
    if (!(await confirm(`Delete ${key}?`, <p>Flows that read it fail, or take their default.</p>, "Delete"))) return;
    if (await telling(`${key} is deleted`, () => deleteKv(namespace, key))) reload();
  };
  const columns: Column<KvEntry>[] = [
    { name: "key", title: "Key", cell: ({ key }) => <span className="mono strong">{key}</span> },
    { name: "value", title: "Value", cell: (entry) => <Value namespace={namespace} entry={entry} /> },
    { name: "changed", title: "Changed", cell: ({ updateDate }) => <When date={updateDate} /> },
    { name: "expires", title: "Expires", cell: ({ expirationDate }) => <Relative date={expirationDate} /> },
    { name: "do", title: "Actions", cell: ({ key }) => (
      <span className="buttons"><button type="button" className="small" onClick={() => setChanged({ key })} aria-label={`Change ${key}`}>Change</button>{" "}
        <button type="button" className="small danger" onClick={() => void remove(key)} aria-label={`Delete ${key}`}>Delete</button></span>
    ) },
  ];
  const rows = data?.filter(({ key }) => key.toLowerCase().includes(q.toLowerCase()));
  return (
    <>
      <div className="bar">
        <input type="search" className="search" placeholder="Search keys" aria-label="Search keys" value={q} onChange={(event) => setQ(event.target.value)} />
        <button type="button" className="primary" onClick={() => setChanged({})}>New key</button>
      </div>
      {data ? <Stale error={error} at={at} /> : error ? <Failure error={error} /> : <Loading />}
      {rows && (rows.length ? <Table caption="Keys" columns={columns} rows={rows} rowKey={({ key }) => key} /> : <Empty>{q ? "No key matches." : <>No key yet. Flows read one with <code>{`{{ kv('name') }}`}</code>.</>}</Empty>)}
      {changed && <KvDialog namespace={namespace} name={changed.key} onClose={() => setChanged(undefined)} onDone={() => { setChanged(undefined); reload(); }} />}
    </>
  );
}
