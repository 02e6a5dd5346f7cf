// SPDX-License-Identifier: Apache-2.0
import { Execution } from "../../api/types";
import { Link } from "../../app/router";
import { Duration, Labels, StateBadge, When } from "../../ui/basics";
import { Choice, Column, Table } from "../../ui/table";

export const executionAt = (execution: { namespace: string; flowId: string; id: string }) =>
  `executions/${execution.namespace}/${execution.flowId}/${execution.id}`;

export const executionColumns: Column<Execution>[] = [
  { name: "state", title: "State", sort: "state.current", cell: (one) => <StateBadge state={one.state.current} /> },
  { name: "id", title: "Execution", sort: "id", cell: (one) => <Link to={executionAt(one)} className="mono" title={one.id}>{one.id.slice(0, 8)}</Link> },
  { name: "namespace", title: "Namespace", sort: "namespace", cell: (one) => one.namespace },
  { name: "flow", title: "Flow", sort: "flowId", cell: (one) => <Link to={`flows/${one.namespace}/${one.flowId}`}>{one.flowId}</Link> },
  { name: "started", title: "Started", sort: "state.startDate", cell: (one) => <When date={one.state.startDate} /> },
  { name: "duration", title: "Duration", sort: "state.duration", number: true, cell: (one) => <Duration state={one.state} /> },
  { name: "trigger", title: "Trigger", cell: (one) => one.trigger?.id ?? "" },
  { name: "revision", title: "Revision", number: true, optional: true, cell: (one) => one.flowRevision },
  { name: "ended", title: "Ended", sort: "state.endDate", optional: true, cell: (one) => <When date={one.state.endDate} /> },
  { name: "scheduled", title: "Schedule date", optional: true, cell: (one) => <When date={one.scheduleDate} /> },
  { name: "inputs", title: "Inputs", optional: true, cell: (one) => one.inputs && <span className="clip mono" title={JSON.stringify(one.inputs)}>{JSON.stringify(one.inputs)}</span> },
  { name: "labels", title: "Labels", cell: (one) => <Labels labels={one.labels} /> },
];

export const ExecutionTable = ({ executions, choice, columns = executionColumns }: { executions: Execution[]; choice?: Choice; columns?: Column<Execution>[] }) => (
  <Table caption="Executions" columns={columns} rows={executions} rowKey={(one) => one.id} choice={choice} defaultSort="state.startDate:desc" />
);
