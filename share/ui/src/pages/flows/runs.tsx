// SPDX-License-Identifier: Apache-2.0
// How the flows of a page have run: three questions for all of them together, not one a flow.
import { useMemo } from "react";
import { searchTriggers } from "../../api/others";
import { dailyByFlow, latestByFlow } from "../../api/statistics";
import { DailyExecutions, Execution, Flow, StateName } from "../../api/types";
import { Link } from "../../app/router";
import { Relative, StateBadge } from "../../ui/basics";
import { useLoad } from "../../ui/load";
import { executionAt } from "../executions/table";

export interface Runs {
  latest: (flow: Flow) => Execution | undefined;
  days: (flow: Flow) => DailyExecutions[] | undefined;
  next: (flow: Flow) => string | undefined;
}

const day = 86400000;
const period = 30;
/** More triggers than these are not looked at for the next date. */
const triggersAtMost = 100;

export function useRuns(flows: Flow[]): Runs {
  const ids = flows.map(({ namespace, id }) => ({ namespace, id })), key = JSON.stringify(ids);
  const latest = useLoad(`latest ${key}`, async () => (ids.length ? latestByFlow(ids) : []), 10000);
  const days = useLoad(`days ${key}`, async () => (ids.length ? dailyByFlow(ids, new Date(Date.now() - period * day).toISOString(), new Date().toISOString()) : {}), 60000);
  const scheduled = flows.some(({ triggers }) => triggers?.length);
  const next = useLoad(`next ${key}`, async () => (scheduled ? searchTriggers({ sort: "nextExecutionDate:asc", page: 1, size: triggersAtMost }) : undefined), 15000);
  return useMemo(() => ({
    latest: ({ namespace, id }) => latest.data?.find((one) => one.namespace === namespace && one.flowId === id),
    days: ({ namespace, id }) => days.data?.[namespace]?.[id],
    next: ({ namespace, id }) => next.data?.results.map(({ triggerContext }) => triggerContext)
      .find((state) => state.namespace === namespace && state.flowId === id && state.nextExecutionDate && !state.disabled)?.nextExecutionDate,
  }), [latest.data, days.data, next.data]);
}

export function LastRun({ run }: { run?: Execution }) {
  if (!run) return <span className="quiet">never</span>;
  return <span className="nowrap"><Link to={executionAt(run)} title={run.id}><StateBadge state={run.state.current} /></Link> <span className="quiet"><Relative date={run.state.startDate} /></span></span>;
}

const groups: { name: string; states: StateName[] }[] = [
  { name: "success", states: ["SUCCESS"] }, { name: "warning", states: ["WARNING", "PAUSED", "RETRYING", "RETRIED"] }, { name: "failed", states: ["FAILED", "KILLED", "KILLING"] },
  { name: "running", states: ["RUNNING", "RESTARTED"] }, { name: "other", states: ["CREATED", "QUEUED", "CANCELLED", "SKIPPED"] },
];

/** A bar a day: as high as the day's share of the busiest, coloured by how its executions ended. */
export function RunBars({ days }: { days?: DailyExecutions[] }) {
  if (!days) return null;
  const counts = days.map(({ executionCounts }) => groups.map(({ states }) => states.reduce((sum, state) => sum + (executionCounts[state] ?? 0), 0)));
  const totals = counts.map((one) => one.reduce((sum, count) => sum + count, 0)), most = Math.max(1, ...totals);
  const all = totals.reduce((sum, count) => sum + count, 0), failed = counts.reduce((sum, one) => sum + one[2], 0);
  if (!all) return <span className="quiet">none</span>;
  return (
    <span className="bars" role="img" aria-label={`${all.toLocaleString()} executions, ${failed.toLocaleString()} failed`} title={`${all.toLocaleString()} executions in ${period} days, ${failed.toLocaleString()} failed`}>
      {counts.map((one, index) => (
        <span key={days[index].startDate} style={{ height: `${Math.max(8, (100 * totals[index]) / most)}%` }}>
          {one.map((count, group) => count > 0 && <i key={groups[group].name} className={`state-${groups[group].name}`} style={{ height: `${(100 * count) / totals[index]}%` }} />)}
        </span>
      ))}
    </span>
  );
}
