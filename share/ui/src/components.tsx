// SPDX-License-Identifier: Apache-2.0
import { ReactNode, useCallback, useEffect, useRef, useState } from "react";
import { navigate, useLocation } from "./router";
import { StateName } from "./types";

export const StateBadge = ({ state }: { state: StateName }) => (
  <span className={`state state-${state.toLowerCase()}`}>{state}</span>
);

/** Times are shown in the viewer's zone, with UTC on hover. */
export const When = ({ date }: { date?: string }) =>
  date ? <time dateTime={date} title={date}>{new Date(date).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" })}</time> : <>–</>;

export function humanSize(bytes: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (bytes >= 1024 && unit < units.length - 1) {
    bytes /= 1024;
    unit++;
  }
  return `${unit ? bytes.toFixed(1) : bytes} ${units[unit]}`;
}

export function humanDuration(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.max(0, Math.round(milliseconds))} ms`;
  const seconds = milliseconds / 1000;
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 2 : 1)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.floor(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export const Failure = ({ error }: { error?: Error }) =>
  error ? <p className="failure" role="alert">{error.message}</p> : null;

export const Empty = ({ children }: { children: ReactNode }) => <p className="empty">{children}</p>;

interface Loaded<T> { data?: T; error?: Error; reload: () => void }

/** Loads when `key` changes, and again every `interval` milliseconds while the page is visible. */
export function useLoad<T>(key: string, load: () => Promise<T>, interval?: number): Loaded<T> {
  const [result, setResult] = useState<{ key: string; data?: T; error?: Error }>({ key });
  const latest = useRef(load);
  latest.current = load;
  const reload = useCallback(() => {
    latest.current().then(
      (data) => setResult({ key, data }),
      (error: Error) => setResult((old) => ({ key, data: old.key === key ? old.data : undefined, error })),
    );
  }, [key]);
  useEffect(() => {
    reload();
    if (!interval) return undefined;
    const timer = setInterval(() => { if (!document.hidden) reload(); }, interval);
    return () => clearInterval(timer);
  }, [reload, interval]);
  return { data: result.key === key ? result.data : undefined, error: result.error, reload };
}

/** A search field that keeps its text in the address (`?name=`). Press / to reach it. */
export function SearchField({ name, label }: { name: string; label: string }) {
  const { path, query } = useLocation();
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const typing = event.target instanceof HTMLElement && /INPUT|TEXTAREA|SELECT/.test(event.target.tagName);
      if (event.key !== "/" || typing) return;
      event.preventDefault();
      field.current?.focus();
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, []);
  return (
    <input ref={field} type="search" className="search" placeholder={`${label}   /`} aria-label={label}
           value={query.get(name) ?? ""}
           onChange={(event) => navigate(withQuery(path, query, { [name]: event.target.value, page: "" }), true)} />
  );
}

export function withQuery(path: string[], query: URLSearchParams, changes: Record<string, string>): string {
  const next = new URLSearchParams(query);
  for (const [name, value] of Object.entries(changes)) {
    if (value) next.set(name, value);
    else next.delete(name);
  }
  const text = next.toString();
  return path.map(encodeURIComponent).join("/") + (text ? `?${text}` : "");
}

export function Pager({ total, page, size }: { total: number; page: number; size: number }) {
  const { path, query } = useLocation();
  const pages = Math.max(1, Math.ceil(total / size));
  const go = (to: number) => navigate(withQuery(path, query, { page: to > 1 ? String(to) : "" }));
  return (
    <nav className="pager" aria-label="Pages">
      <button disabled={page <= 1} onClick={() => go(page - 1)} aria-label="Previous page">‹</button>
      <span>{page} / {pages} · {total.toLocaleString()} in all</span>
      <button disabled={page >= pages} onClick={() => go(page + 1)} aria-label="Next page">›</button>
    </nav>
  );
}

/** The state of a button that does something at the server: busy while it runs, the error when it failed. */
export function useAction(): { busy: boolean; error?: Error; run: (action: () => Promise<void>) => void } {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<Error>();
  const run = (action: () => Promise<void>) => {
    setBusy(true);
    setError(undefined);
    action().catch((caught: Error) => setError(caught)).finally(() => setBusy(false));
  };
  return { busy, error, run };
}
