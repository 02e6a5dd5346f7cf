// SPDX-License-Identifier: Apache-2.0
// Everything of one namespace; a tab a file.
import { ComponentType, lazy, Suspense } from "react";
import { Link } from "../../app/router";
import { PageProps } from "../../app/routes";
import { PageHead } from "../../app/shell";
import { Empty, Loading } from "../../ui/basics";
import { Tabs } from "../../ui/tabs";
import { Dashboard } from "../dashboard";
import { executionFilters, ExecutionList } from "../executions";
import { logFilters, LogList } from "../logs";
import { TriggerList } from "../triggers";
import { Flows } from "./flows";
import { KeyValues } from "./kv";

export type TabProps = { namespace: string };
const Dependencies = lazy(() => import("./dependencies"));
const Files = lazy(() => import("./files"));

const others = <T extends { name: string }>(filters: T[]) => filters.filter(({ name }) => name !== "namespace");
const tabs: { name: string; title: string; body: ComponentType<TabProps> }[] = [
  { name: "overview", title: "Overview", body: ({ namespace }) => <Dashboard fixed={{ namespace }} /> },
  { name: "flows", title: "Flows", body: Flows },
  { name: "executions", title: "Executions", body: ({ namespace }) => <ExecutionList fixed={{ namespace }} filters={others(executionFilters)} /> },
  { name: "triggers", title: "Triggers", body: ({ namespace }) => <TriggerList fixed={{ namespace }} /> },
  { name: "logs", title: "Logs", body: ({ namespace }) => <LogList fixed={{ namespace }} filters={others(logFilters)} /> },
  { name: "dependencies", title: "Dependencies", body: Dependencies },
  { name: "files", title: "Files", body: Files },
  { name: "kv", title: "Key-value", body: KeyValues },
];

/** a.b.c with each part a link to it. */
function Crumbs({ namespace }: { namespace: string }) {
  const parts = namespace.split(".");
  return <>{parts.map((part, index) => <span key={index}>{index > 0 && "."}{index < parts.length - 1 ? <Link to={`namespaces/${parts.slice(0, index + 1).join(".")}`}>{part}</Link> : part}</span>)}</>;
}

export default function NamespacePage({ names: { namespace, tab = "overview" } }: PageProps) {
  const shown = tabs.find(({ name }) => name === tab);
  const Body = shown?.body;
  return (
    <>
      <PageHead title={<Crumbs namespace={namespace} />} text={`${shown && tab !== "overview" ? `${shown.title} · ` : ""}${namespace}`} />
      <Tabs label="Parts of the namespace" at={`namespaces/${namespace}`} tabs={tabs} current={tab} />
      {Body ? <Suspense fallback={<Loading />}><Body key={namespace} namespace={namespace} /></Suspense> : <Empty>A namespace has no part “{tab}”.</Empty>}
    </>
  );
}
