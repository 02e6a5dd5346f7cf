// SPDX-License-Identifier: Apache-2.0
import { dailyExecutions, dailyLogs, StatsFilter } from "../../api/others";
import { DailyExecutions, levels, StateName, stateNames } from "../../api/types";
import { navigate } from "../../app/router";
import { Failure, Loading } from "../../ui/basics";
import { ChartView } from "../../ui/chart";
import { useLoad } from "../../ui/load";
import { dateText } from "../../ui/text";

const stateColours: Record<StateName, string> = {
  CREATED: "--idle", QUEUED: "--idle", RUNNING: "--busy", RESTARTED: "--busy", PAUSED: "--warn", RETRYING: "--warn", KILLING: "--bad", SUCCESS: "--good",
  WARNING: "--warn", FAILED: "--bad", KILLED: "--dark-bad", CANCELLED: "--idle", RETRIED: "--warn", SKIPPED: "--idle",
};
const levelColours = { TRACE: "--idle", DEBUG: "--idle", INFO: "--good", WARN: "--warn", ERROR: "--bad" } as const;

const label = (date: string, groupBy?: string) => (/hour|minute/i.test(groupBy ?? "") ? dateText(date).replace(/:\d\d( |$)/, "$1") : new Date(date).toLocaleDateString());

export function sumOf(days: DailyExecutions[], states: readonly StateName[]): number {
  return days.reduce((sum, day) => sum + states.reduce((one, state) => one + (day.executionCounts[state] ?? 0), 0), 0);
}

/** Executions over time by state; a bar leads to its executions. */
export function ExecutionChart({ days, filter }: { days: DailyExecutions[]; filter: StatsFilter }) {
  const pick = (index: number, state: string) => {
    const end = days[index + 1]?.startDate ?? filter.endDate ?? new Date().toISOString();
    const query = new URLSearchParams({ state, startDate: days[index].startDate, endDate: end });
    if (filter.namespace) query.set("namespace", filter.namespace);
    if (filter.flowId) query.set("flowId", filter.flowId);
    navigate(`executions?${query}`);
  };
  return (
    <ChartView title="Executions" labels={days.map((day) => label(day.startDate, day.groupBy))} onPick={pick}
               series={stateNames.map((state) => ({ name: state, colour: stateColours[state], values: days.map((day) => day.executionCounts[state] ?? 0) }))} />
  );
}

export const useExecutionDays = (filter: StatsFilter) => useLoad(JSON.stringify(["days", filter]), () => dailyExecutions(filter), 30000);

export function LogChart({ filter }: { filter: StatsFilter }) {
  const { data, error } = useLoad(JSON.stringify(["logs", filter]), () => dailyLogs(filter), 60000);
  if (!data) return error ? <Failure error={error} /> : <Loading />;
  return (
    <ChartView title="Log lines" labels={data.map((day) => label(day.timestamp, day.groupBy))}
               series={levels.map((level) => ({ name: level, colour: levelColours[level], values: data.map((day) => day.counts[level] ?? 0) }))} />
  );
}
