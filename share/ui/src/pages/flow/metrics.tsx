// SPDX-License-Identifier: Apache-2.0
// The metrics of a flow's task runs over time, a chart each.
import { useMemo } from "react";
import { metricNames, metricTasks, metricValues } from "../../api/statistics";
import { useParameter } from "../../app/router";
import { Empty, Failure, Loading } from "../../ui/basics";
import { ChartView } from "../../ui/chart";
import { useLoad } from "../../ui/load";
import { dateText, humanDuration, humanSize } from "../../ui/text";
import type { TabProps } from ".";

const ranges: Record<string, { title: string; hours: number }> = {
  PT24H: { title: "last 24 hours", hours: 24 }, P7D: { title: "last 7 days", hours: 168 }, P30D: { title: "last 30 days", hours: 720 }, P365D: { title: "last year", hours: 8760 },
};
const aggregations = ["sum", "avg", "min", "max"];

/** Numbers of the worker have units; others are the script's own. */
const format = (name: string): ((value: number) => string) => {
  if (/^process\.(memory|io)/.test(name)) return humanSize;
  return name === "duration" || name.startsWith("process.cpu") ? humanDuration : (value) => value.toLocaleString();
};

function MetricChart({ flow: { namespace, id }, name, task, aggregation, startDate }: { flow: TabProps["flow"]; name: string; task: string; aggregation: string; startDate: string }) {
  const { data, error } = useLoad(JSON.stringify([namespace, id, name, task, aggregation, startDate]), () => metricValues(namespace, id, name, task || undefined, { aggregation, startDate }), 60000);
  if (!data) return error ? <Failure error={error} /> : <Loading />;
  const hours = /hour|minute/i.test(data.groupBy);
  return (
    <ChartView title={`${name}, ${aggregation}`} format={format(name)} labels={data.aggregations.map(({ date }) => (hours ? dateText(date) : new Date(date).toLocaleDateString()))}
               series={[{ name, colour: "--accent", values: data.aggregations.map(({ value }) => value ?? null) }]} />
  );
}

export default function Metrics({ flow }: TabProps) {
  const { namespace, id } = flow;
  const [task, setTask] = useParameter("task");
  const [aggregation, setAggregation] = useParameter("aggregation", "sum");
  const [range, setRange] = useParameter("range", "P30D");
  const hour = Math.floor(Date.now() / 3600000);
  const startDate = useMemo(() => new Date((hour - (ranges[range] ?? ranges.P30D).hours) * 3600000).toISOString(), [hour, range]);
  const names = useLoad(`metrics ${namespace}/${id} ${task}`, () => metricNames(namespace, id, task || undefined));
  const tasks = useLoad(`tasks ${namespace}/${id}`, () => metricTasks(namespace, id));
  return (
    <>
      <div className="bar">
        <label>Task <select value={task} onChange={(event) => setTask(event.target.value)}><option value="">all</option>{tasks.data?.map((one) => <option key={one}>{one}</option>)}</select></label>
        <label>Show <select value={aggregation} onChange={(event) => setAggregation(event.target.value)}>{aggregations.map((one) => <option key={one}>{one}</option>)}</select></label>
        <label>Time range <select value={range} onChange={(event) => setRange(event.target.value)}>{Object.entries(ranges).map(([value, { title }]) => <option key={value} value={value}>{title}</option>)}</select></label>
      </div>
      {!names.data && (names.error ? <Failure error={names.error} /> : <Loading />)}
      {names.data?.length === 0 && <Empty>No metric yet: tasks and scripts write them while they run.</Empty>}
      <div className="cards">{names.data?.map((name) => <MetricChart key={name} flow={flow} name={name} task={task} aggregation={aggregation} startDate={startDate} />)}</div>
    </>
  );
}
