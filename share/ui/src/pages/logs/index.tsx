// SPDX-License-Identifier: Apache-2.0
import { searchLogs } from "../../api/others";
import { levels, LogEntry } from "../../api/types";
import { Link, useLocation } from "../../app/router";
import { PageHead } from "../../app/shell";
import { Empty, Failure, Loading, Stale, When } from "../../ui/basics";
import { Filter, filterQuery, Filters, SearchField } from "../../ui/filters";
import { useLoad } from "../../ui/load";
import { Column, Pager, Table, usePaging } from "../../ui/table";

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

export function LogList({ fixed = {}, filters = logFilters }: { fixed?: Record<string, string>; filters?: Filter[] }) {
  const { query } = useLocation();
  const { page, size } = usePaging();
  const asked = { minLevel: "INFO", ...filterQuery(query, filters), q: query.get("q") ?? undefined, ...fixed };
  if (!asked.minLevel) asked.minLevel = "INFO";
  const sort = query.get("sort") ?? "timestamp:desc";
  const { data, error, at } = useLoad(JSON.stringify([asked, sort, page, size]), () => searchLogs({ ...asked, sort, page, size }), 5000);
  return (
    <>
      <div className="bar"><SearchField label="Search logs" /><Filters filters={filters} /></div>
      {data ? <Stale error={error} at={at} /> : <Failure error={error} />}
      {!data && !error && <Loading />}
      {data && data.results.length === 0 && <Empty>No line matches.</Empty>}
      {data && data.results.length > 0 && (
        <>
          <Table caption="Log lines" columns={columns} rows={data.results} defaultSort="timestamp:desc"
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
