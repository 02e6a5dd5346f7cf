// SPDX-License-Identifier: Apache-2.0
// The files of a namespace as a tree; a folder is asked for when it is opened.
import { useState } from "react";
import { listDirectory } from "../../api/others";
import { NamespaceFile } from "../../api/types";
import { Failure } from "../../ui/basics";
import { useLoad } from "../../ui/load";

interface TreeProps { namespace: string; path: string; current: string; version: number; onSelect: (path: string, directory: boolean) => void }

const order = (a: NamespaceFile, b: NamespaceFile) => (a.type === b.type ? a.fileName.localeCompare(b.fileName) : a.type === "Directory" ? -1 : 1);

function Item({ file, ...props }: TreeProps & { file: NamespaceFile }) {
  const directory = file.type === "Directory";
  const [open, setOpen] = useState(directory && props.current.startsWith(`${props.path}/`));
  const select = () => {
    if (directory) setOpen(!open);
    props.onSelect(props.path, directory);
  };
  return (
    <li>
      <button type="button" aria-expanded={directory ? open : undefined} aria-current={props.current === props.path || undefined} onClick={select}>
        <span aria-hidden="true">{directory ? (open ? "▾ " : "▸ ") : ""}</span>{file.fileName}
      </button>
      {open && <Directory {...props} />}
    </li>
  );
}

export function Directory(props: TreeProps) {
  const { namespace, path, version } = props;
  const { data, error } = useLoad(`files ${namespace} ${path} ${version}`, () => listDirectory(namespace, path || "/"));
  if (error && path) return <Failure error={error} />;
  if (error) return <p className="quiet">No file yet.</p>; // a namespace without files has no folder either
  if (data && !data.length) return <p className="quiet">{path ? "Empty." : "No file yet."}</p>;
  return <ul>{data?.sort(order).map((file) => <Item key={file.fileName} {...props} file={file} path={`${path}/${file.fileName}`} />)}</ul>;
}
