// SPDX-License-Identifier: Apache-2.0
import { useMemo } from "react";
import { searchFlows } from "../../api/flows";
import { StatsFilter } from "../../api/others";
import { DailyExecutions, stateNames } from "../../api/types";
import { useParameter } from "../../app/router";
import { PageHead } from "../../app/shell";
import { Fact, Failure, Loading, Stale } from "../../ui/basics";
import { useLoad } from "../../ui/load";
import { durationOf, humanDuration } from "../../ui/text";
import { ExecutionChart, LogChart, sumOf, useExecutionDays } from "./charts";
import { FirstRun } from "./first";
import { Failures, NextSchedules, Now, Roles } from "./lists";

const ranges: Record<string, { title: string; hours: number }> = {
  PT1H: { title: "last hour", hours: 1 }, PT24H: { title: "last 24 hours", hours: 24 }, P7D: { title: "last 7 days", hours: 168 }, P30D: { title: "last 30 days", hours: 720 },
  P365D: { title: "last year", hours: 8760 },
};

function Numbers({ days }: { days: DailyExecutions[] }) {
  const all = sumOf(days, stateNames), good = sumOf(days, ["SUCCESS"]), bad = sumOf(days, ["FAILED"]), warned = sumOf(days, ["WARNING"]);
  const ended = good + bad + warned + sumOf(days, ["KILLED", "CANCELLED"]);
  const timed = days.filter((day) => day.duration.count > 0);
  const count = timed.reduce((sum, day) => sum + day.duration.count, 0);
  const spent = timed.reduce((sum, day) => sum + durationOf(day.duration.avg ?? 0) * day.duration.count, 0);
  return (
    <dl className="facts big">
      <Fact name="Executions">{all.toLocaleString()}</Fact>
      <Fact name="Success rate">{ended ? `${((100 * (good + warned)) / ended).toFixed(1)} %` : "–"}</Fact>
      <Fact name="Failed"><span className={bad ? "danger" : undefined}>{bad.toLocaleString()}</span></Fact>
      <Fact name="Warnings">{warned.toLocaleString()}</Fact>
      <Fact name="Mean duration">{count ? humanDuration(spent / count) : "–"}</Fact>
    </dl>
  );
}

/** Of everything, of a namespace, or of a flow. */
export function Dashboard({ fixed = {}, system = false }: { fixed?: { namespace?: string; flowId?: string }; system?: boolean }) {
  const [range, setRange] = useParameter("range", "PT24H");
  const hours = (ranges[range] ?? ranges.PT24H).hours;
  // To the minute: the same question is not asked anew at each render.
  const minute = Math.floor(Date.now() / 60000);
  const filter = useMemo<StatsFilter>(() => ({
    ...fixed, startDate: new Date((minute - hours * 60) * 60000).toISOString(), endDate: new Date((minute + 1) * 60000).toISOString(),
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }), [minute, hours, fixed.namespace, fixed.flowId]);
  const { data, error, at } = useExecutionDays(filter);
  return (
    <>
      <div className="bar">
        <label>Time range <select value={range} onChange={(event) => setRange(event.target.value)}>
          {Object.entries(ranges).map(([value, { title }]) => <option key={value} value={value}>{title}</option>)}
        </select></label>
      </div>
      {data ? <><Stale error={error} at={at} /><Numbers days={data} /><ExecutionChart days={data} filter={filter} /></> : error ? <Failure error={error} /> : <Loading />}
      <div className="cards"><Now fixed={fixed} /><Failures fixed={fixed} /><NextSchedules fixed={fixed} />{system && <Roles />}</div>
      <LogChart filter={filter} />
    </>
  );
}

export default function DashboardPage() {
  const { data: flows } = useLoad("any flow", () => searchFlows({ page: 1, size: 1 }), 15000);
  return <><PageHead title="Dashboard" text="Dashboard" />{flows?.total === 0 && <FirstRun />}<Dashboard system /></>;
}
