// SPDX-License-Identifier: Apache-2.0
import { searchExecutions } from "../../api/executions";
import { getInstances, searchTriggers } from "../../api/others";
import { Execution } from "../../api/types";
import { Link } from "../../app/router";
import { Duration, Empty, Failure, Relative, StateBadge } from "../../ui/basics";
import { useLoad } from "../../ui/load";
import { executionAt } from "../executions/table";

type Fixed = Record<string, string | undefined>;

function Lines({ executions, none }: { executions?: Execution[]; none: string }) {
  if (!executions) return null;
  if (!executions.length) return <Empty>{none}</Empty>;
  return (
    <ul className="lines">{executions.map((one) => (
      <li key={one.id}><StateBadge state={one.state.current} /> <Link to={executionAt(one)}>{one.namespace}.{one.flowId}</Link>
        <span className="quiet"><Relative date={one.state.startDate} /> · <Duration state={one.state} /></span></li>
    ))}</ul>
  );
}

/** What runs now, and what waits for something. */
export function Now({ fixed }: { fixed: Fixed }) {
  const query = { ...fixed, state: ["CREATED", "QUEUED", "RUNNING", "RESTARTED", "PAUSED", "RETRYING", "KILLING"], sort: "state.startDate:desc", page: 1, size: 8 };
  const { data, error } = useLoad(JSON.stringify(["now", fixed]), () => searchExecutions(query), 5000);
  return <section className="card"><h2>Now{data?.total ? ` (${data.total.toLocaleString()})` : ""}</h2><Failure error={error} /><Lines executions={data?.results} none="Nothing runs or waits." /></section>;
}

/** The last failures; the execution's page has the reason on top. */
export function Failures({ fixed }: { fixed: Fixed }) {
  const query = { ...fixed, state: ["FAILED"], sort: "state.startDate:desc", page: 1, size: 8 };
  const { data, error } = useLoad(JSON.stringify(["failures", fixed]), () => searchExecutions(query), 15000);
  return <section className="card"><h2>Last failures</h2><Failure error={error} /><Lines executions={data?.results} none="No failure." /></section>;
}

export function NextSchedules({ fixed }: { fixed: Fixed }) {
  const { data, error } = useLoad(JSON.stringify(["next", fixed]), () => searchTriggers({ ...fixed, sort: "nextExecutionDate:asc", page: 1, size: 20 }), 15000);
  const next = data?.results.filter(({ triggerContext: state }) => state.nextExecutionDate && !state.disabled).slice(0, 8);
  return (
    <section className="card">
      <h2>Next</h2><Failure error={error} />
      {next && !next.length && <Empty>No schedule is waiting.</Empty>}
      <ul className="lines">{next?.map(({ triggerContext: state }) => (
        <li key={`${state.namespace}/${state.flowId}/${state.triggerId}`}><Relative date={state.nextExecutionDate} /> <Link to={`flows/${state.namespace}/${state.flowId}`}>{state.namespace}.{state.flowId}</Link>
          <span className="quiet">{state.triggerId}</span></li>
      ))}</ul>
    </section>
  );
}

/** Whether each part of the system is there; more on the page of the cluster. */
export function Roles() {
  const { data, error } = useLoad("instances", getInstances, 10000);
  const names = [...new Set(data?.map(({ role }) => role))];
  return (
    <section className="card">
      <h2><Link to="cluster">System</Link></h2><Failure error={error} />
      <ul className="lines">{names.map((role) => {
        const alive = data?.filter((one) => one.role === role && one.state === "ALIVE").length ?? 0;
        return <li key={role}><b className={alive ? "level-info" : "level-error"}>{alive ? "✓" : "✕"}</b> {role} <span className="quiet">{alive ? `${alive} alive` : "none alive"}</span></li>;
      })}</ul>
    </section>
  );
}
