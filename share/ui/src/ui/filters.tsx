// SPDX-License-Identifier: Apache-2.0
// Filters of a list as chips: each is a parameter of the address, and can be taken away by itself.
import { FormEvent, useEffect, useRef, useState } from "react";
import { navigate, useLocation, withQuery } from "../app/router";

export interface Filter {
  name: string;
  label: string;
  /** Values to choose from; without, it is text. */
  options?: readonly string[];
  many?: boolean;
  placeholder?: string;
}

/** The search field of a list; "/" reaches it. Typing changes the address, a pause asks the server. */
export function SearchField({ name = "q", label }: { name?: string; label: string }) {
  const location = useLocation();
  const shown = location.query.get(name) ?? "";
  const [text, setText] = useState(shown);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => setText(shown), [shown]);
  useEffect(() => {
    if (text === shown) return undefined;
    const timer = setTimeout(() => navigate(withQuery(location, { [name]: text, page: "" }), true), 250);
    return () => clearTimeout(timer);
  });
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement;
      if (event.key !== "/" || /INPUT|TEXTAREA|SELECT/.test(target.tagName) || target.isContentEditable) return;
      event.preventDefault();
      field.current?.focus();
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, []);
  return <input ref={field} type="search" className="search" placeholder={`${label}   /`} aria-label={label} value={text} onChange={(event) => setText(event.target.value)} />;
}

function Chip({ text, onRemove }: { text: string; onRemove: () => void }) {
  return <span className="chip">{text}<button type="button" className="plain" aria-label={`Remove ${text}`} onClick={onRemove}>✕</button></span>;
}

function FilterForm({ filters, onAdd }: { filters: Filter[]; onAdd: (filter: Filter, value: string) => void }) {
  const [name, setName] = useState(filters[0].name);
  const [value, setValue] = useState("");
  const filter = filters.find((one) => one.name === name) ?? filters[0];
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const chosen = value || filter.options?.[0];
    if (chosen) onAdd(filter, chosen);
    setValue("");
  };
  return (
    <form className="filter-form" onSubmit={submit}>
      <select aria-label="Filter by" value={name} onChange={(event) => { setName(event.target.value); setValue(""); }}>
        {filters.map((one) => <option key={one.name} value={one.name}>{one.label}</option>)}
      </select>
      {filter.options ? (
        <select aria-label={filter.label} value={value || filter.options[0]} onChange={(event) => setValue(event.target.value)}>
          {filter.options.map((option) => <option key={option}>{option}</option>)}
        </select>
      ) : <input aria-label={filter.label} placeholder={filter.placeholder} value={value} onChange={(event) => setValue(event.target.value)} />}
      <button type="submit">Add filter</button>
    </form>
  );
}

export function Filters({ filters }: { filters: Filter[] }) {
  const location = useLocation();
  const set = (filter: Filter, values: string[]) => navigate(withQuery(location, { [filter.name]: values, page: "" }), true);
  const add = (filter: Filter, value: string) =>
    set(filter, filter.many ? [...new Set([...location.query.getAll(filter.name), value])] : [value]);
  return (
    <div className="filters">
      {filters.flatMap((filter) => location.query.getAll(filter.name).map((value) => (
        <Chip key={`${filter.name} ${value}`} text={`${filter.label}: ${value}`}
              onRemove={() => set(filter, location.query.getAll(filter.name).filter((one) => one !== value))} />
      )))}
      <FilterForm filters={filters} onAdd={add} />
    </div>
  );
}

/** What the server is asked: the filters that are set, as they are in the address. */
export function filterQuery(query: URLSearchParams, filters: Filter[]): Record<string, string | string[] | undefined> {
  return Object.fromEntries(filters.map((filter) => [filter.name, filter.many ? query.getAll(filter.name) : query.get(filter.name) ?? undefined]));
}
