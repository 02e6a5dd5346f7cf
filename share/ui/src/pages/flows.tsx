// SPDX-License-Identifier: Apache-2.0
import { searchExecutions, searchFlows } from "../api";
import { Empty, Failure, Pager, SearchField, useLoad, When } from "../components";
import { Link, useLocation } from "../router";
import { Flow } from "../types";

const size = 25;

/** The last executions of a flow, newest right: "is it red?" at a glance. */
function LastRuns({ flow }: { flow: Flow }) {
  const key = `${flow.namespace}/${flow.id}`;
  const { data } = useLoad(key, () => searchExecutions({ namespace: flow.namespace, flowId: flow.id, page: 1, size: 8 }), 15000);
  const runs = [...(data?.results ?? [])].reverse();
  const last = runs[runs.length - 1];
  if (!last) return <span className="quiet">never</span>;
  return (
    <span className="runs">
      {runs.map((run) => (
        <Link key={run.id} to={`executions/${run.namespace}/${run.flowId}/${run.id}`} className={`dot state-${run.state.current.toLowerCase()}`}>
          <span className="hidden">{run.state.current}</span>
        </Link>
      ))}
      <span className="quiet"><When date={last.state.startDate} /></span>
    </span>
  );
}

export function FlowsPage() {
  const { query } = useLocation();
  const q = query.get("q") ?? "";
  const page = Number(query.get("page") ?? "1");
  const { data, error } = useLoad(`${q}|${page}`, () => searchFlows(q, page, size), 10000);
  return (
    <>
      <div className="bar">
        <h1>Flows</h1>
        <SearchField name="q" label="Search flows" />
        <Link to="flows/new" className="button primary">New flow</Link>
      </div>
      <Failure error={error} />
      {data && data.results.length === 0 && (
        <Empty>No flow {q ? "matches" : "yet"}. Save a YAML file in <code>/etc/kestra/flows</code>, or make a new flow here.</Empty>
      )}
      {data && data.results.length > 0 && (
        <>
          <table className="list">
            <thead><tr><th>Flow</th><th>Namespace</th><th>Schedule</th><th>Last executions</th><th className="number">Revision</th></tr></thead>
            <tbody>
              {data.results.map((flow) => (
                <tr key={`${flow.namespace}/${flow.id}`}>
                  <td data-label="Flow">
                    <Link to={`flows/${flow.namespace}/${flow.id}`} className="strong">{flow.id}</Link>
                    {flow.disabled && <span className="tag">disabled</span>}
                    {flow.description && <div className="quiet clip">{flow.description}</div>}
                  </td>
                  <td data-label="Namespace">{flow.namespace}</td>
                  <td data-label="Schedule">{(flow.triggers ?? []).map((trigger) => <code key={trigger.id}>{trigger.cron ?? trigger.id}</code>)}</td>
                  <td data-label="Last"><LastRuns flow={flow} /></td>
                  <td data-label="Revision" className="number">{flow.revision}</td>
                </tr>
              ))}
            </tbody>
          </table>
          <Pager total={data.total} page={page} size={size} />
        </>
      )}
    </>
  );
}

