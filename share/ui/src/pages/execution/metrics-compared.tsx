// SPDX-License-Identifier: Apache-2.0
// What this execution counted beside what the earlier ones of the flow did.
import { getMetrics, searchExecutions } from "../../api/executions";
import { Execution, Metric } from "../../api/types";
import { useParameter } from "../../app/router";
import { Loading } from "../../ui/basics";
import { ChartView } from "../../ui/chart";
import { useLoad } from "../../ui/load";
import { dateText } from "../../ui/text";
import { kernelMetrics, metricText, showMetric, Total, totalsOf } from "./metric-names";

const earlierShown = 12, pageSize = 1000, pagesAtMost = 10;

/** All of them, page by page; what is beyond ten thousand is too much for a comparison. */
async function allMetrics(id: string, taskId: string): Promise<Metric[]> {
  const all: Metric[] = [];
  for (let page = 1; page <= pagesAtMost; page++) {
    const { results, total } = await getMetrics(id, { taskId, page, size: pageSize, sort: "timestamp:asc" });
    all.push(...results);
    if (!results.length || all.length >= total) break;
  }
  return all;
}

interface Earlier { execution: Execution; totals: Map<string, Total> }

async function compared(execution: Execution, task: string): Promise<Earlier[]> {
  const { namespace, flowId, state } = execution;
  const { results } = await searchExecutions({ namespace, flowId, endDate: state.endDate, size: earlierShown + 1, page: 1, sort: "state.startDate:desc" });
  const earlier = results.filter((one) => one.id !== execution.id && one.namespace === namespace && one.state.startDate <= state.startDate).slice(0, earlierShown);
  const all = [...earlier.reverse(), execution];
  return Promise.all(all.map(async (one) => ({ execution: one, totals: totalsOf(await allMetrics(one.id, task)) })));
}

export function Comparison({ execution, task }: { execution: Execution; task: string }) {
  const { data } = useLoad(`compared ${execution.id} ${task} ${execution.state.current}`, () => compared(execution, task));
  const [chosen, choose] = useParameter("metric");
  if (!data) return <Loading what="Comparing" />;
  const own = data[data.length - 1].totals;
  const all = [...own.values()].sort((a, b) => Number(kernelMetrics.includes(b.name)) - Number(kernelMetrics.includes(a.name)));
  const shown = own.get(chosen) ?? own.get("process.memory.peak") ?? all[0];
  if (!shown) return null;
  const labels = data.map((one) => (one.execution.id === execution.id ? "this one" : dateText(one.execution.state.startDate)));
  const values = data.map(({ totals }) => totals.get(shown.name)?.value ?? null);
  const series = [
    { name: "earlier executions", colour: "--idle", values: values.map((value, index) => (index < values.length - 1 ? value : null)) },
    { name: "this execution", colour: "--accent", values: values.map((value, index) => (index < values.length - 1 ? null : value)) },
  ];
  return (
    <section>
      <ul className="totals" aria-label="Totals of this execution">
        {all.slice(0, 40).map((one) => {
          const before = data.slice(0, -1).map(({ totals }) => totals.get(one.name)?.value).filter((value): value is number => value !== undefined);
          const usual = before.reduce((sum, value) => sum + value, 0) / Math.max(1, before.length);
          return (
            <li key={one.name}>
              <button type="button" aria-pressed={one.name === shown.name} onClick={() => choose(one.name)} title={one.name}>
                <small>{metricText(one.name)}</small><strong>{showMetric(one, one.value)}</strong>
                {before.length > 0 && <small>usually {showMetric(one, Math.round(usual))}</small>}
              </button>
            </li>
          );
        })}
      </ul>
      <ChartView title={`${metricText(shown.name)}${task ? ` of ${task}` : ""}, by execution`} labels={labels} series={series} format={(value) => showMetric(shown, value)} />
    </section>
  );
}
