// SPDX-License-Identifier: Apache-2.0
// A list page's table: sorting and page stand in the address, rows may be chosen for what is done to many.
import { ReactNode } from "react";
import { navigate, useLocation, withQuery } from "../app/router";
import { Empty } from "./basics";

export interface Column<T> {
  name: string;
  title: string;
  /** The API's name for sorting by it. */
  sort?: string;
  number?: boolean;
  /** Shown only when it is chosen. */
  optional?: boolean;
  cell: (row: T) => ReactNode;
}

export interface Choice { chosen: Set<string>; choose: (chosen: Set<string>) => void }

interface TableProps<T> {
  caption: string;
  columns: Column<T>[];
  rows: T[];
  rowKey: (row: T) => string;
  choice?: Choice;
  defaultSort?: string;
}

function SortHeader<T>({ column, current }: { column: Column<T>; current: string }) {
  const location = useLocation();
  const [name, direction] = current.split(":");
  const active = name === column.sort;
  const next = active && direction === "asc" ? "desc" : "asc";
  return (
    <th scope="col" className={column.number ? "number" : undefined} aria-sort={active ? (direction === "asc" ? "ascending" : "descending") : "none"}>
      <button type="button" className="plain" onClick={() => navigate(withQuery(location, { sort: `${column.sort}:${next}`, page: "" }), true)}>
        {column.title}<span aria-hidden="true">{active ? (direction === "asc" ? " ↑" : " ↓") : ""}</span>
      </button>
    </th>
  );
}

export function Table<T>({ caption, columns, rows, rowKey, choice, defaultSort = "" }: TableProps<T>) {
  const { query } = useLocation();
  const sort = query.get("sort") ?? defaultSort;
  const keys = rows.map(rowKey);
  const all = choice && keys.length > 0 && keys.every((key) => choice.chosen.has(key));
  const toggle = (some: string[], on: boolean) => {
    if (!choice) return;
    const next = new Set(choice.chosen);
    some.forEach((key) => (on ? next.add(key) : next.delete(key)));
    choice.choose(next);
  };
  return (
    <div className="scroll" tabIndex={-1}>
      <table className="list">
        <caption className="hidden">{caption}</caption>
        <thead>
          <tr>
            {choice && <th className="choose"><input type="checkbox" aria-label="Choose all of this page" checked={Boolean(all)} onChange={() => toggle(keys, !all)} /></th>}
            {columns.map((column) => (column.sort ? <SortHeader key={column.name} column={column} current={sort} /> : (
              <th key={column.name} scope="col" className={column.number ? "number" : undefined}>{column.title}</th>
            )))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, index) => (
            <tr key={keys[index]} className={choice?.chosen.has(keys[index]) ? "chosen" : undefined}>
              {choice && (
                <td className="choose">
                  <input type="checkbox" aria-label={`Choose ${keys[index]}`} checked={choice.chosen.has(keys[index])}
                         onChange={(event) => toggle([keys[index]], event.target.checked)} />
                </td>
              )}
              {columns.map((column) => (
                <td key={column.name} data-label={column.title} className={column.number ? "number" : undefined}>{column.cell(row)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const sizes = [25, 50, 100];
/** Page and size of a list, from the address. */
export function usePaging(): { page: number; size: number } {
  const { query } = useLocation();
  const number = (name: string, fallback: number) => Math.max(1, Number(query.get(name)) || fallback);
  return { page: number("page", 1), size: number("size", sizes[0]) };
}

/** What stands where there is no row: past the last page the way back, else what the page says. */
export function NoRows({ children }: { children: ReactNode }) {
  const location = useLocation();
  if (usePaging().page <= 1) return <Empty>{children}</Empty>;
  return <Empty>The list has no page {location.query.get("page")}. <button type="button" onClick={() => navigate(withQuery(location, { page: "" }))}>First page</button></Empty>;
}

export function Pager({ total }: { total: number }) {
  const location = useLocation();
  const { page, size } = usePaging();
  const pages = Math.max(1, Math.ceil(total / size));
  const go = (to: number) => navigate(withQuery(location, { page: to > 1 ? String(to) : "" }));
  return (
    <nav className="pager" aria-label="Pages">
      <label>Rows <select value={size} onChange={(event) => navigate(withQuery(location, { size: event.target.value, page: "" }), true)}>
        {sizes.map((one) => <option key={one}>{one}</option>)}
      </select></label>
      <button type="button" disabled={page <= 1} onClick={() => go(Math.min(page - 1, pages))} aria-label="Previous page">‹</button>
      <span>{page.toLocaleString()} / {pages.toLocaleString()} · {total.toLocaleString()} in all</span>
      <button type="button" disabled={page >= pages} onClick={() => go(page + 1)} aria-label="Next page">›</button>
    </nav>
  );
}
