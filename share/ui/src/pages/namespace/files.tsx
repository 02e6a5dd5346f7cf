// SPDX-License-Identifier: Apache-2.0
// The files of a namespace: tasks find them in their working directory.
import { useCallback, useRef, useState } from "react";
import { deleteFile, filesArchive, makeDirectory, moveFile, writeFile } from "../../api/others";
import { useParameter } from "../../app/router";
import { Empty } from "../../ui/basics";
import { confirm, Dialog } from "../../ui/dialog";
import { useAction } from "../../ui/load";
import { telling } from "../../ui/toast";
import { useUnsaved } from "../../ui/unsaved";
import type { TabProps } from ".";
import { Directory } from "./file-tree";
import { FileView } from "./file-view";

type Asked = "file" | "folder" | "rename";
const titles: Record<Asked, string> = { file: "New file", folder: "New folder", rename: "Rename or move" };
const parentOf = (path: string) => path.slice(0, path.lastIndexOf("/"));

function PathDialog({ asked, from, onClose, onDone }: { asked: Asked; from: string; onClose: () => void; onDone: (path: string) => Promise<void> }) {
  const action = useAction();
  const [path, setPath] = useState(from);
  const submit = () => action.run(() => onDone(path.startsWith("/") ? path : `/${path}`));
  return (
    <Dialog title={titles[asked]} submit={asked === "rename" ? "Move" : "Create"} action={action} onClose={onClose} onSubmit={submit}>
      <label className="field">Path<input required autoFocus className="mono" value={path} onChange={(event) => setPath(event.target.value)} /></label>
    </Dialog>
  );
}

export default function Files({ namespace }: TabProps) {
  const [path, setPath] = useParameter("path");
  const [chosen, setChosen] = useState({ path, directory: false });
  const [version, setVersion] = useState(0);
  const [asked, setAsked] = useState<Asked>();
  const [unsaved, setUnsaved] = useState(false);
  const { leave } = useUnsaved(unsaved);
  const picker = useRef<HTMLInputElement>(null);
  const onUnsaved = useCallback((now: boolean) => setUnsaved(now), []);
  const folder = chosen.directory ? chosen.path : parentOf(chosen.path);
  const select = async (to: string, directory: boolean) => {
    if (!directory && to !== path && !(await leave())) return;
    setChosen({ path: to, directory });
    if (!directory) setPath(to);
  };
  const changed = () => setVersion((old) => old + 1);
  const done = async (to: string) => {
    if (asked === "file") await writeFile(namespace, to, new Blob([""]));
    else if (asked === "folder") await makeDirectory(namespace, to);
    else await moveFile(namespace, chosen.path, to);
    setAsked(undefined);
    changed();
    if (asked === "file" || (asked === "rename" && !chosen.directory)) await select(to, false);
  };
  const upload = async (files: FileList) => {
    for (const file of files) if (!(await telling(`${file.name} is uploaded`, () => writeFile(namespace, `${folder}/${file.name}`, file)))) break;
    changed();
  };
  const remove = async () => {
    if (!(await confirm(`Delete ${chosen.path}?`, <p>{chosen.directory ? "With all that is in it. " : ""}It cannot be taken back.</p>, "Delete"))) return;
    if (!(await telling(`${chosen.path} is deleted`, () => deleteFile(namespace, chosen.path)))) return;
    setUnsaved(false);
    setChosen({ path: "", directory: false });
    setPath("");
    changed();
  };
  return (
    <>
      <div className="bar">
        <button type="button" onClick={() => setAsked("file")}>New file</button>
        <button type="button" onClick={() => setAsked("folder")}>New folder</button>
        <button type="button" onClick={() => picker.current?.click()}>Upload</button>
        <input ref={picker} type="file" multiple hidden aria-label="Files to upload" onChange={(event) => { if (event.target.files?.length) void upload(event.target.files); event.target.value = ""; }} />
        <button type="button" disabled={!chosen.path} onClick={() => setAsked("rename")}>Rename</button>
        <button type="button" className="danger" disabled={!chosen.path} onClick={() => void remove()}>Delete</button>
        <a className="button" href={filesArchive(namespace)} download={`${namespace}.zip`}>Download all</a>
      </div>
      <div className="files">
        <nav className="card tree" aria-label="Files"><Directory namespace={namespace} path="" current={chosen.path} version={version} onSelect={(to, directory) => void select(to, directory)} /></nav>
        <div>{path ? <FileView key={`${path} ${version}`} namespace={namespace} path={path} onUnsaved={onUnsaved} /> : <Empty>Choose a file. A task with <code>namespaceFiles</code> enabled finds them in its working directory; <code>{`{{ read('path') }}`}</code> reads one.</Empty>}</div>
      </div>
      {asked && <PathDialog asked={asked} from={asked === "rename" ? chosen.path : `${folder}/`} onClose={() => setAsked(undefined)} onDone={done} />}
    </>
  );
}
