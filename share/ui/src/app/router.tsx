// SPDX-License-Identifier: Apache-2.0
// The address holds all state: pages read it from the path and the query, and change it with navigate().
import { MouseEvent, ReactNode, useSyncExternalStore } from "react";
import { base } from "../api/client";

const listeners = new Set<() => void>();
const told = () => listeners.forEach((listener) => listener());
/** Asked before the page is left; an answer false keeps it. */
const guards = new Set<() => Promise<boolean>>();
let here = window.location.pathname + window.location.search;

export function addGuard(guard: () => Promise<boolean>): () => void {
  guards.add(guard);
  return () => guards.delete(guard);
}

async function mayLeave(url: string): Promise<boolean> {
  if (url.split("?")[0] === here.split("?")[0]) return true;
  for (const guard of guards) if (!(await guard())) return false;
  return true;
}

function go(url: string): void {
  here = url;
  told();
}

window.addEventListener("popstate", () => {
  const url = window.location.pathname + window.location.search;
  void mayLeave(url).then((may) => {
    if (may) go(url);
    else history.pushState(null, "", here); // the browser has moved already
  });
});

export function navigate(to: string, replace = false): void {
  const url = base + to.replace(/^\//, "");
  void mayLeave(url).then((may) => {
    if (!may) return;
    if (replace) history.replaceState(null, "", url);
    else history.pushState(null, "", url);
    if (url.split("?")[0] !== here.split("?")[0]) window.scrollTo(0, 0);
    go(url);
  });
}

const subscribe = (listener: () => void) => {
  listeners.add(listener);
  return () => listeners.delete(listener);
};

export interface Location { path: string[]; query: URLSearchParams }

export function useLocation(): Location {
  const href = useSyncExternalStore(subscribe, () => here);
  const [pathname, search] = href.split("?");
  const path = pathname.slice(base.length).split("/").filter(Boolean).map(decodeURIComponent);
  return { path, query: new URLSearchParams(search ?? "") };
}

export type Changes = Record<string, string | string[] | undefined>;

/** This page with other parameters; undefined and "" take one away. */
export function withQuery({ path, query }: Location, changes: Changes): string {
  const next = new URLSearchParams(query);
  for (const [name, value] of Object.entries(changes)) {
    next.delete(name);
    if (Array.isArray(value)) value.forEach((one) => next.append(name, one));
    else if (value) next.set(name, value);
  }
  const text = next.toString();
  return path.map(encodeURIComponent).join("/") + (text ? `?${text}` : "");
}

/** One parameter of the address, as state. */
export function useParameter(name: string, fallback = ""): [string, (value: string) => void] {
  const location = useLocation();
  return [location.query.get(name) ?? fallback, (value) => navigate(withQuery(location, { [name]: value === fallback ? "" : value }), true)];
}

export function Link(props: { to: string; children: ReactNode; className?: string; current?: boolean; title?: string }) {
  const onClick = (event: MouseEvent) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
    event.preventDefault();
    navigate(props.to);
  };
  return (
    <a href={base + props.to.replace(/^\//, "")} onClick={onClick} className={props.className} title={props.title}
       aria-current={props.current ? "page" : undefined}>
      {props.children}
    </a>
  );
}
