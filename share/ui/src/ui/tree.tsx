// SPDX-License-Identifier: Apache-2.0
// A JSON value as a tree that opens and closes; what is large is shown in portions.
import { ReactNode, useState } from "react";
import { Copy } from "./basics";

interface TreeProps {
  value: unknown;
  /** How an expression reaches it, for copying: `outputs.task`. */
  path?: string;
  /** Shows a text in its own way; undefined shows it as text. */
  leaf?: (text: string) => ReactNode | undefined;
}

const portion = 100;
const isBranch = (value: unknown): value is Record<string, unknown> | unknown[] => typeof value === "object" && value !== null;
const step = (path: string, key: string, list: boolean) => {
  if (list) return `${path}[${key}]`;
  return /^[A-Za-z_]\w*$/.test(key) ? (path ? `${path}.${key}` : key) : `${path}['${key.replace(/'/g, "\\'")}']`;
};

function Leaf({ value, leaf }: { value: unknown; leaf?: TreeProps["leaf"] }) {
  const [whole, setWhole] = useState(false);
  if (typeof value !== "string") return <span className="json-atom">{JSON.stringify(value)}</span>;
  const own = leaf?.(value);
  if (own !== undefined) return <>{own}</>;
  const long = value.length > 400 && !whole;
  return (
    <span className="json-text">{long ? `${value.slice(0, 400)}…` : value}
      {long && <button type="button" className="plain" onClick={() => setWhole(true)}> all {value.length.toLocaleString()} characters</button>}
    </span>
  );
}

function Branch({ name, value, path, leaf, depth }: { name: string; value: unknown; path: string; leaf?: TreeProps["leaf"]; depth: number }) {
  const [open, setOpen] = useState(depth < 2);
  const copy = path && <span className="json-copy"><Copy text={`{{ ${path} }}`}>{"{{ }}"}</Copy></span>;
  if (!isBranch(value)) return <li><span className="json-key">{name}</span>: <Leaf value={value} leaf={leaf} /> {copy}</li>;
  const size = Object.keys(value).length;
  return (
    <li>
      <button type="button" className="plain json-key" aria-expanded={open} onClick={() => setOpen(!open)}>
        <span aria-hidden="true">{open ? "▾" : "▸"}</span> {name}
      </button>{" "}
      <span className="quiet">{Array.isArray(value) ? `[${size}]` : `{${size}}`}</span> {copy}
      {open && size > 0 && <Entries value={value} path={path} leaf={leaf} depth={depth + 1} />}
    </li>
  );
}

function Entries({ value, path, leaf, depth }: { value: Record<string, unknown> | unknown[]; path: string; leaf?: TreeProps["leaf"]; depth: number }) {
  const [shown, setShown] = useState(portion);
  const entries = Object.entries(value);
  return (
    <ul>
      {entries.slice(0, shown).map(([key, one]) => (
        <Branch key={key} name={key} value={one} path={step(path, key, Array.isArray(value))} leaf={leaf} depth={depth} />
      ))}
      {entries.length > shown && <li><button type="button" className="plain" onClick={() => setShown(shown + portion)}>{(entries.length - shown).toLocaleString()} more …</button></li>}
    </ul>
  );
}

export const JsonTree = ({ value, path = "", leaf }: TreeProps) =>
  isBranch(value) ? <div className="json-tree"><Entries value={value} path={path} leaf={leaf} depth={0} /></div> : <Leaf value={value} leaf={leaf} />;
