// SPDX-License-Identifier: Apache-2.0
// One file of a namespace: text can be changed; anything else is for downloading.
import { useEffect, useState } from "react";
import { fileAddress, readFile, writeFile } from "../../api/others";
import { Empty, Failure, Loading } from "../../ui/basics";
import { Editor } from "../../ui/editor";
import { useLoad } from "../../ui/load";
import { telling } from "../../ui/toast";

interface FileProps { namespace: string; path: string; onUnsaved: (unsaved: boolean) => void }

const editableBytes = 1 << 20;

export function FileView({ namespace, path, onUnsaved }: FileProps) {
  const { data, error, reload } = useLoad(`file ${namespace} ${path}`, () => readFile(namespace, path));
  const [text, setText] = useState<string>();
  const changed = text !== undefined && text !== data;
  useEffect(() => { onUnsaved(changed); }, [changed, onUnsaved]);
  if (data === undefined) return error ? <Failure error={error} /> : <Loading />;
  // eslint-disable-next-line no-control-regex
  const binary = /[\0\ufffd]/.test(data), large = data.length > editableBytes;
  const save = async () => {
    if (text !== undefined && await telling(`${path} is saved`, () => writeFile(namespace, path, new Blob([text])))) reload();
  };
  return (
    <>
      <div className="bar">
        <h2 className="mono">{path}</h2>
        <a className="button" href={fileAddress(namespace, path)} download={path.split("/").pop()}>Download</a>
        {!binary && !large && <button type="button" className="primary" disabled={!changed} onClick={() => void save()}>Save</button>}
      </div>
      {binary || large ? <Empty>{binary ? "Not a text." : "Too large to be changed here."}</Empty> : <Editor label={`Text of ${path}`} value={text ?? data} readOnly={false} onChange={setText} onSave={() => void save()} />}
    </>
  );
}
