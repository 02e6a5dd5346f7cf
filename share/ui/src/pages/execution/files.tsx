// SPDX-License-Identifier: Apache-2.0
// Files of an execution: looked into without a download.
import { ReactNode, useState } from "react";
import { fileMetas, fileUrl, previewFile } from "../../api/executions";
import { FilePreview } from "../../api/types";
import { Failure, Loading } from "../../ui/basics";
import { Dialog } from "../../ui/dialog";
import { useLoad } from "../../ui/load";
import { humanSize } from "../../ui/text";
import { JsonTree } from "../../ui/tree";
import { readCsv } from "./csv";

const nameOf = (uri: string) => decodeURIComponent(uri.slice(uri.lastIndexOf("/") + 1));
const isFile = (text: string) => text.startsWith("kestra:///") && !/\s/.test(text);
const cell = (value: unknown) => (typeof value === "object" && value !== null ? JSON.stringify(value) : value === null || value === undefined ? "" : String(value));

function Rows({ columns, rows }: { columns: string[]; rows: unknown[][] }) {
  return (
    <div className="scroll preview" tabIndex={0} role="region" aria-label="Rows of the file">
      <table className="list">
        <thead><tr>{columns.map((name, index) => <th key={index} scope="col">{name}</th>)}</tr></thead>
        <tbody>{rows.map((row, index) => <tr key={index}>{columns.map((name, at) => <td key={at} data-label={name}>{cell(row[at])}</td>)}</tr>)}</tbody>
      </table>
    </div>
  );
}

/** Rows with names become columns, others one column. */
function Records({ rows }: { rows: unknown[] }) {
  const named = rows.every((row) => typeof row === "object" && row !== null && !Array.isArray(row));
  if (!named) return <Rows columns={["value"]} rows={rows.map((row) => [row])} />;
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row as object)))];
  return <Rows columns={columns} rows={rows.map((row) => columns.map((name) => (row as Record<string, unknown>)[name]))} />;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // cut off, or no JSON in spite of its name: shown as text
  }
}

function Content({ preview }: { preview: FilePreview }) {
  const { content, extension, type } = preview;
  if (type === "IMAGE") return <img className="preview" alt="The file" src={`data:image/${extension === "svg" ? "svg+xml" : extension};base64,${String(content)}`} />;
  if (type === "LIST" && Array.isArray(content)) return <Records rows={content} />;
  if (typeof content !== "string") return <JsonTree value={content} />;
  if (extension === "csv" || extension === "tsv") {
    const [columns = [], ...rows] = readCsv(content, extension === "tsv" ? "\t" : undefined);
    return <Rows columns={columns} rows={rows} />;
  }
  if (extension === "json") {
    const value = parsed(content);
    if (Array.isArray(value) && value.length && value.every((one) => typeof one === "object" && one)) return <Records rows={value} />;
    if (value !== undefined) return <JsonTree value={value} />;
  }
  if (extension === "jsonl" || extension === "ndjson") {
    const rows = content.split("\n").filter(Boolean).map(parsed);
    if (rows.every((row) => row !== undefined)) return <Records rows={rows} />;
  }
  return <pre className="json preview" tabIndex={0}>{content}</pre>;
}

function PreviewDialog({ id, uri, onClose }: { id: string; uri: string; onClose: () => void }) {
  const [rows, setRows] = useState(100), [encoding, setEncoding] = useState("UTF-8");
  const { data, error } = useLoad(`${uri} ${rows} ${encoding}`, () => previewFile(id, uri, rows, encoding));
  return (
    <Dialog title={nameOf(uri)} onClose={onClose} wide>
      <div className="bar">
        <label>Rows <select value={rows} onChange={(event) => setRows(Number(event.target.value))}>{[100, 500, 1000, 5000].map((one) => <option key={one}>{one}</option>)}</select></label>
        <label>Encoding <select value={encoding} onChange={(event) => setEncoding(event.target.value)}>{["UTF-8", "ISO-8859-1", "Windows-1252", "UTF-16"].map((one) => <option key={one}>{one}</option>)}</select></label>
        <a className="button" href={fileUrl(id, uri)} download={nameOf(uri)}>Download</a>
      </div>
      <Failure error={error} />
      {data ? <Content preview={data} /> : !error && <Loading what="Reading the file" />}
      {data?.truncated && <p className="quiet">Only the beginning is shown; the download has all.</p>}
    </Dialog>
  );
}

export function FileLink({ id, uri }: { id: string; uri: string }) {
  const [open, setOpen] = useState(false);
  const { data } = useLoad(`size ${uri}`, () => fileMetas(id, uri));
  return (
    <span className="file">
      <button type="button" className="plain" onClick={() => setOpen(true)} title={uri}>{nameOf(uri)}</button>
      {data && <span className="quiet"> {humanSize(data.size)}</span>} <a href={fileUrl(id, uri)} download={nameOf(uri)}>Download</a>
      {open && <PreviewDialog id={id} uri={uri} onClose={() => setOpen(false)} />}
    </span>
  );
}

/** Of a tree of values: addresses of files as files, everything else as text. */
export const fileLeaf = (id: string) => (text: string): ReactNode | undefined => (isFile(text) ? <FileLink id={id} uri={text} /> : undefined);
