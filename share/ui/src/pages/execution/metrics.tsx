// SPDX-License-Identifier: Apache-2.0
import { getMetrics } from "../../api/executions";
import { Execution, Metric, TaskRun } from "../../api/types";
import { useLoad } from "../../ui/load";
import { humanDuration, humanSize } from "../../ui/text";

/** What the worker counts of a process and its children, in words. Other names are the script's own. */
const names: Record<string, { text: string; show: (value: number) => string }> = {
  "process.cpu.user": { text: "CPU time", show: humanDuration },
  "process.cpu.system": { text: "CPU time in the kernel", show: humanDuration },
  "process.cpu.throttled": { text: "Waited for its CPU limit", show: humanDuration },
  "process.memory.peak": { text: "Most memory", show: humanSize },
  "process.memory.oom.kills": { text: "Processes killed: out of memory", show: String },
  "process.io.read": { text: "Read from disks", show: humanSize },
  "process.io.written": { text: "Written to disks", show: humanSize },
  "process.pids.peak": { text: "Most processes at once", show: String },
  "process.pids.refused": { text: "Processes refused: limit", show: String },
  "process.signal": { text: "Ended by signal", show: String },
};

const shown = (metric: Metric): string =>
  names[metric.name]?.show(metric.value) ?? (metric.type === "timer" ? humanDuration(metric.value) : metric.value.toLocaleString());

function tagsOf(metric: Metric): string {
  return Object.entries(metric.tags ?? {})
    .map(([name, value]) => (name === "attempt" ? (value === "0" ? "" : `attempt ${Number(value) + 1}`) : `${name}: ${value}`))
    .filter(Boolean).join(", ");
}

/** Metrics of the selected task run, or of all; loaded again when a task run has ended. */
export function Metrics({ execution, run }: { execution: Execution; run?: TaskRun }) {
  const ended = (execution.taskRunList ?? []).filter((one) => one.state.endDate).length;
  const { data } = useLoad(`${execution.id} ${run?.id ?? ""} ${ended}`, () => getMetrics(execution.id, { taskRunId: run?.id, size: 100, sort: "timestamp:asc" }));
  if (!data?.results.length) return null;
  return (
    <section>
      <h2>Metrics {run && <span className="quiet">of {run.taskId}</span>}</h2>
      <table className="list">
        <thead><tr>{!run && <th>Task</th>}<th>Metric</th><th className="number">Value</th><th>Tags</th></tr></thead>
        <tbody>
          {data.results.map((metric, index) => (
            <tr key={index}>
              {!run && <td>{metric.taskId}</td>}
              <td title={metric.name}>{names[metric.name]?.text ?? metric.name}</td>
              <td className="number">{shown(metric)}</td>
              <td className="quiet">{tagsOf(metric)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {data.total > data.results.length && <p className="quiet">Showing {data.results.length} of {data.total.toLocaleString()}.</p>}
    </section>
  );
}
