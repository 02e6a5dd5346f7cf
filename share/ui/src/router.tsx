// SPDX-License-Identifier: Apache-2.0
// The address holds all state: pages read it from the path and the query, and change it with navigate().
import { MouseEvent, ReactNode, useSyncExternalStore } from "react";
import { base } from "./api";

const listeners = new Set<() => void>();
window.addEventListener("popstate", () => listeners.forEach((listener) => listener()));

export function navigate(to: string, replace = false): void {
  const url = base + to.replace(/^\//, "");
  if (replace) history.replaceState(null, "", url);
  else history.pushState(null, "", url);
  listeners.forEach((listener) => listener());
}

const subscribe = (listener: () => void) => {
  listeners.add(listener);
  return () => listeners.delete(listener);
};

export function useLocation(): { path: string[]; query: URLSearchParams } {
  const href = useSyncExternalStore(subscribe, () => window.location.pathname + window.location.search);
  const [pathname, search] = href.split("?");
  const path = pathname.slice(base.length).split("/").filter(Boolean).map(decodeURIComponent);
  return { path, query: new URLSearchParams(search ?? "") };
}

export function Link(props: { to: string; children: ReactNode; className?: string; current?: boolean }) {
  const onClick = (event: MouseEvent) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
    event.preventDefault();
    navigate(props.to);
  };
  return (
    <a href={base + props.to.replace(/^\//, "")} onClick={onClick} className={props.className}
       aria-current={props.current ? "page" : undefined}>
      {props.children}
    </a>
  );
}
