// SPDX-License-Identifier: Apache-2.0
// Which page an address shows. A row is a pattern (`:name` takes one segment, `*` the rest) and a page; the first that fits wins.
import { ComponentType, lazy } from "react";

export type Names = Record<string, string>;
export type PageProps = { names: Names };
interface Row { pattern: string; page?: ComponentType<PageProps>; to?: (names: Names) => string }

/** A page is loaded when it is first shown. */
const page = (load: () => Promise<{ default: ComponentType<PageProps> }>) => lazy(load);

const flow = page(() => import("../pages/flow"));
const namespace = page(() => import("../pages/namespace"));
const execution = page(() => import("../pages/execution"));

const rows: Row[] = [
  { pattern: "", to: () => "dashboard" },
  { pattern: "dashboard", page: page(() => import("../pages/dashboard")) },
  { pattern: "flows", page: page(() => import("../pages/flows")) },
  { pattern: "flows/search", page: page(() => import("../pages/source-search")) },
  { pattern: "flows/new", page: page(() => import("../pages/flow-new")) },
  { pattern: "flows/edit/:namespace/:id", to: ({ namespace, id }) => `flows/${namespace}/${id}` },
  { pattern: "flows/edit/:namespace/:id/:tab", to: ({ namespace, id, tab }) => `flows/${namespace}/${id}/${tab === "edit" ? "editor" : tab}` },
  { pattern: "flows/:namespace/:id", page: flow },
  { pattern: "flows/:namespace/:id/:tab", page: flow },
  { pattern: "executions", page: page(() => import("../pages/executions")) },
  { pattern: "executions/:namespace/:flow/:id", page: execution },
  { pattern: "executions/:namespace/:flow/:id/:tab", page: execution },
  { pattern: "logs", page: page(() => import("../pages/logs")) },
  { pattern: "namespaces", page: page(() => import("../pages/namespaces")) },
  { pattern: "namespaces/edit/:namespace", to: ({ namespace }) => `namespaces/${namespace}` },
  { pattern: "namespaces/edit/:namespace/:tab", to: ({ namespace, tab }) => `namespaces/${namespace}/${tab}` },
  { pattern: "namespaces/:namespace", page: namespace },
  { pattern: "namespaces/:namespace/:tab", page: namespace },
  { pattern: "plugins", page: page(() => import("../pages/plugins")) },
  { pattern: "plugins/:type", page: page(() => import("../pages/plugin")) },
  { pattern: "triggers", page: page(() => import("../pages/triggers")) },
  { pattern: "cluster", page: page(() => import("../pages/cluster")) },
  { pattern: "settings", page: page(() => import("../pages/settings")) },
  { pattern: "poison", page: page(() => import("../pages/poison")) },
  // Kestra's own addresses lead to ours.
  { pattern: "dashboards", to: () => "dashboard" },
  { pattern: "dashboards/*", to: () => "dashboard" },
  { pattern: "welcome", to: () => "dashboard" },
  { pattern: "admin/triggers", to: () => "triggers" },
  { pattern: "admin/stats", to: () => "cluster" },
  { pattern: "admin/workers", to: () => "cluster" },
  { pattern: "blueprints", to: () => "flows/new" },
  { pattern: "blueprints/*", to: () => "flows/new" },
];

function match(pattern: string, path: string[]): Names | undefined {
  const parts = pattern.split("/").filter(Boolean), open = parts[parts.length - 1] === "*";
  if (open ? path.length < parts.length : path.length !== parts.length) return undefined;
  const names: Names = {};
  for (let i = 0; i < parts.length; i++) {
    if (parts[i] === "*") break;
    if (parts[i].startsWith(":")) names[parts[i].slice(1)] = path[i];
    else if (parts[i] !== path[i]) return undefined;
  }
  return names;
}

export interface Found { page?: ComponentType<PageProps>; to?: string; names: Names }

export function findPage(path: string[]): Found | undefined {
  // Kestra's own interface has the tenant in front.
  const rest = path[0] === "main" ? path.slice(1) : path;
  for (const { pattern, page: shown, to } of rows) {
    const names = match(pattern, rest);
    if (names) return { page: shown, to: to?.(names) ?? (rest !== path ? rest.join("/") : undefined), names };
  }
  return undefined;
}
