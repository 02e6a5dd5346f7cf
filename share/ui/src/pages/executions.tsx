// SPDX-License-Identifier: Apache-2.0
import { searchExecutions } from "../api";
import { Empty, Failure, humanDuration, Pager, SearchField, StateBadge, useLoad, When, withQuery } from "../components";
import { Link, navigate, useLocation } from "../router";
import { Execution } from "../types";

const size = 25;
const states = ["RUNNING", "SUCCESS", "WARNING", "FAILED", "KILLED", "PAUSED", "QUEUED", "CREATED"];

export const duration = (execution: Execution): string =>
  humanDuration((execution.state.endDate ? Date.parse(execution.state.endDate) : Date.now()) - Date.parse(execution.state.startDate));

export function ExecutionTable({ executions }: { executions: Execution[] }) {
  return (
    <table className="list">
      <thead><tr><th>State</th><th>Execution</th><th>Flow</th><th>Started</th><th className="number">Duration</th><th>Labels</th></tr></thead>
      <tbody>
        {executions.map((execution) => (
          <tr key={execution.id}>
            <td data-label="State"><StateBadge state={execution.state.current} /></td>
            <td data-label="Execution">
              <Link to={`executions/${execution.namespace}/${execution.flowId}/${execution.id}`} className="mono">{execution.id.slice(0, 8)}</Link>
            </td>
            <td data-label="Flow"><Link to={`flows/${execution.namespace}/${execution.flowId}`}>{execution.namespace}.{execution.flowId}</Link></td>
            <td data-label="Started"><When date={execution.state.startDate} /></td>
            <td data-label="Duration" className="number">{duration(execution)}</td>
            <td data-label="Labels">
              {(execution.labels ?? []).filter((label) => !label.key.startsWith("system."))
                .map((label) => <span key={label.key} className="tag">{label.key}: {label.value}</span>)}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

export function ExecutionsPage() {
  const { path, query } = useLocation();
  const q = query.get("q") ?? "";
  const state = query.get("state") ?? "";
  const page = Number(query.get("page") ?? "1");
  const { data, error } = useLoad(`${q}|${state}|${page}`,
    () => searchExecutions({ q, state: state ? [state] : undefined, page, size }), 3000);
  return (
    <>
      <div className="bar">
        <h1>Executions</h1>
        <SearchField name="q" label="Search executions" />
        <select aria-label="State" value={state} onChange={(event) => navigate(withQuery(path, query, { state: event.target.value, page: "" }))}>
          <option value="">All states</option>
          {states.map((name) => <option key={name}>{name}</option>)}
        </select>
      </div>
      <Failure error={error} />
      {data && data.results.length === 0 && <Empty>No execution {q || state ? "matches" : "yet"}.</Empty>}
      {data && data.results.length > 0 && (
        <>
          <ExecutionTable executions={data.results} />
          <Pager total={data.total} page={page} size={size} />
        </>
      )}
    </>
  );
}
