// SPDX-License-Identifier: Apache-2.0
import { deleteFlowLogs, searchLogs } from "../../api/others";
import { levels, LogEntry } from "../../api/types";
import { Link, useLocation } from "../../app/router";
import { PageHead } from "../../app/shell";
import { Failure, Loading, Stale, When } from "../../ui/basics";
import { Filter, filterQuery, Filters, SearchField } from "../../ui/filters";
import { confirm } from "../../ui/dialog";
import { useLoad } from "../../ui/load";
import { Column, NoRows, Pager, Table, usePaging } from "../../ui/table";
import { telling } from "../../ui/toast";
import { LogChart } from "../dashboard/charts";
import { ChosenColumns, useColumns } from "../../ui/columns";
import { SavedSearches } from "../../ui/saved";

export const logFilters: Filter[] = [
  { name: "minLevel", label: "Level", options: levels },
  { name: "namespace", label: "Namespace", placeholder: "company.team" },
  { name: "flowId", label: "Flow", placeholder: "id of a flow" },
  { name: "triggerId", label: "Trigger", placeholder: "id of a trigger" },
  { name: "startDate", label: "From", placeholder: "2026-12-01T00:00:00Z" },
  { name: "endDate", label: "Until", placeholder: "2026-12-02T00:00:00Z" },
];

const columns: Column<LogEntry>[] = [
  { name: "timestamp", title: "Time", sort: "timestamp", cell: (entry) => <When date={entry.timestamp} /> },
  { name: "level", title: "Level", sort: "level", cell: (entry) => <b className={`level-${entry.level.toLowerCase()}`}>{entry.level}</b> },
  { name: "flow", title: "Flow", sort: "flowId", cell: (entry) => <Link to={`flows/${entry.namespace}/${entry.flowId}`}>{entry.namespace}.{entry.flowId}</Link> },
  { name: "task", title: "Task", sort: "taskId", cell: (entry) => (
    entry.executionId ? <Link to={`executions/${entry.namespace}/${entry.flowId}/${entry.executionId}/logs`}>{entry.taskId ?? entry.executionId.slice(0, 8)}</Link>
      : entry.triggerId ?? ""
  ) },
  { name: "message", title: "Message", cell: (entry) => <span className="message mono">{entry.message}</span> },
];

/** Of one flow, which the filters name: what is gone is gone, so it is not offered for more at once. */
function DeleteLogs({ namespace, flowId, triggerId, onDone }: { namespace?: string; flowId?: string; triggerId?: string; onDone: () => void }) {
  if (!namespace || !flowId) return <button type="button" disabled title="Filter by the namespace and the flow first">Delete logs</button>;
  const remove = async () => {
    if (await confirm(`Delete the logs of ${flowId}?`, <p>All lines of the flow{triggerId ? `'s trigger ${triggerId}` : ""}, of all its executions. It cannot be taken back.</p>, "Delete")
        && await telling("The logs are deleted", () => deleteFlowLogs(namespace, flowId, triggerId))) onDone();
  };
  return <button type="button" className="danger" onClick={() => void remove()}>Delete logs</button>;
}

const text = (value: string | string[] | undefined) => (typeof value === "string" ? value : undefined);

export function LogList({ fixed = {}, filters = logFilters }: { fixed?: Record<string, string>; filters?: Filter[] }) {
  const { query } = useLocation();
  const { page, size } = usePaging();
  const asked: Record<string, string | string[] | undefined> = { minLevel: "INFO", ...filterQuery(query, filters), q: query.get("q") ?? undefined, ...fixed };
  if (!asked.minLevel) asked.minLevel = "INFO";
  const sort = query.get("sort") ?? "timestamp:desc";
  const [shown, choice] = useColumns("logs", columns);
  const { data, error, at, reload } = useLoad(JSON.stringify([asked, sort, page, size]), () => searchLogs({ ...asked, sort, page, size }), 5000);
  return (
    <>
      <div className="bar">
        <SearchField label="Search logs" /><Filters filters={filters} /><SavedSearches list="logs" /><ChosenColumns {...choice} />
        <DeleteLogs namespace={text(asked.namespace)} flowId={text(asked.flowId)} triggerId={text(asked.triggerId)} onDone={reload} />
      </div>
      <LogChart filter={{ namespace: text(asked.namespace), flowId: text(asked.flowId), startDate: text(asked.startDate), endDate: text(asked.endDate), q: text(asked.q) }} />
      {data ? <Stale error={error} at={at} /> : <Failure error={error} />}
      {!data && !error && <Loading />}
      {data && data.results.length === 0 && <NoRows>No line matches.</NoRows>}
      {data && data.results.length > 0 && (
        <>
          <Table caption="Log lines" columns={shown} rows={data.results} defaultSort="timestamp:desc"
                 rowKey={(entry) => `${entry.timestamp} ${entry.executionId} ${entry.taskRunId} ${entry.message}`} />
          <Pager total={data.total} />
        </>
      )}
    </>
  );
}

export default function LogsPage() {
  return <><PageHead title="Logs" text="Logs" /><LogList /></>;
}
