// SPDX-License-Identifier: Apache-2.0
// A flow: its tabs, each with its address, and what can be done with it.
import { ComponentType, lazy, Suspense } from "react";
import { getFlow, getFlowFiles } from "../../api/flows";
import { Flow, FlowFile } from "../../api/types";
import { Link, navigate, useLocation, withQuery } from "../../app/router";
import { PageProps } from "../../app/routes";
import { PageHead } from "../../app/shell";
import { Empty, Failure, Loading, Stale } from "../../ui/basics";
import { useLoad } from "../../ui/load";
import { Tabs } from "../../ui/tabs";
import { ExecutionList, executionFilters } from "../executions";
import { LogList, logFilters } from "../logs";
import { FlowActions } from "./actions";
import { ExecuteDialog } from "./execute";

export interface TabProps { flow: Flow; file?: FlowFile; reload: () => void }

const fixedOf = ({ namespace, id }: Flow) => ({ namespace, flowId: id });
const without = <T extends { name: string }>(filters: T[]) => filters.filter(({ name }) => name !== "namespace" && name !== "flowId");

const tabs: { name: string; title: string; tab: ComponentType<TabProps> }[] = [
  { name: "overview", title: "Overview", tab: lazy(() => import("./overview")) },
  { name: "topology", title: "Topology", tab: lazy(() => import("./topology")) },
  { name: "editor", title: "Editor", tab: lazy(() => import("./editor-tab")) },
  { name: "revisions", title: "Revisions", tab: lazy(() => import("./revisions")) },
  { name: "executions", title: "Executions", tab: ({ flow }) => <ExecutionList fixed={fixedOf(flow)} filters={without(executionFilters)} /> },
  { name: "triggers", title: "Triggers", tab: lazy(() => import("./triggers")) },
  { name: "dependencies", title: "Dependencies", tab: lazy(() => import("./dependencies")) },
  { name: "logs", title: "Logs", tab: ({ flow }) => <LogList fixed={fixedOf(flow)} filters={without(logFilters)} /> },
  { name: "metrics", title: "Metrics", tab: lazy(() => import("./metrics")) },
  { name: "concurrency", title: "Concurrency", tab: lazy(() => import("./concurrency")) },
];

const FileNotice = ({ file }: { file: FlowFile }) => (
  <p className="notice">
    This flow comes from the file <code>{file.path}</code> of the flow directory and is changed there.
    {file.error && <> The file has an error, so the last good revision is running: {file.error}</>}
  </p>
);

export default function FlowPage({ names: { namespace, id, tab = "overview" } }: PageProps) {
  const location = useLocation(), { query } = location;
  const { data: flow, error, at, reload } = useLoad(`${namespace}/${id}`, () => getFlow(namespace, id));
  const files = useLoad("flow-files", getFlowFiles);
  const file = files.data?.find((one) => one.flows.includes(`${namespace}.${id}`));
  const shown = tabs.find(({ name }) => name === tab);
  const prefill = query.get("prefill") ?? undefined, asking = query.get("execute") !== null || Boolean(prefill);
  if (!flow) return error ? <><PageHead title={id} text={id} /><Failure error={error} /><p><Link to="flows">All flows</Link></p></> : <Loading />;
  const here = `flows/${encodeURIComponent(namespace)}/${encodeURIComponent(id)}`;
  return (
    <>
      <PageHead text={`${flow.id}${tab === "overview" ? "" : ` ${shown?.title ?? ""}`}`}
                title={<>{flow.id} <span className="quiet"><Link to={`flows?namespace=${encodeURIComponent(namespace)}`}>{flow.namespace}</Link> · revision {flow.revision}</span> {flow.disabled && <span className="tag">disabled</span>}{file && <span className="tag" title={`Owned by the file ${file.path}`}>file</span>}</>}>
        <FlowActions flow={flow} file={file} reload={reload} />
        <button type="button" className="primary" disabled={flow.disabled} title={flow.disabled ? "The flow is disabled" : undefined}
                onClick={() => navigate(withQuery(location, { execute: "1" }), true)}>Execute</button>
      </PageHead>
      <Stale error={error} at={at} />
      {file && <FileNotice file={file} />}
      <Tabs label={`Of ${flow.id}`} at={here} tabs={tabs} current={tab} />
      {shown ? <Suspense fallback={<Loading />}><shown.tab key={tab} flow={flow} file={file} reload={reload} /></Suspense> : <Empty>There is no tab {tab}.</Empty>}
      {asking && !flow.disabled && <ExecuteDialog flow={flow} prefill={prefill} onClose={() => navigate(withQuery(location, { execute: "", prefill: "" }), true)} />}
    </>
  );
}
