// SPDX-License-Identifier: Apache-2.0
import { getMetrics } from "../../api/executions";
import { Execution, Metric } from "../../api/types";
import { Link, navigate, useLocation, withQuery } from "../../app/router";
import { Empty, Failure, Loading, When } from "../../ui/basics";
import { useLoad } from "../../ui/load";
import { Column, Pager, Table, usePaging } from "../../ui/table";
import { runTitle, executionPath } from "./live";
import { Comparison } from "./metrics-compared";
import { metricText, showMetric, tagsOf } from "./metric-names";

const columnsOf = (execution: Execution): Column<Metric>[] => [
  { name: "task", title: "Task", sort: "taskId", cell: (one) => <Link to={`${executionPath(execution, "gantt")}?taskRun=${one.taskRunId}`}>{one.taskId}</Link> },
  { name: "name", title: "Metric", sort: "name", cell: (one) => <span title={one.name}>{metricText(one.name)}</span> },
  { name: "value", title: "Value", sort: "value", number: true, cell: (one) => showMetric(one, one.value) },
  { name: "tags", title: "Tags", cell: (one) => <span className="quiet">{tagsOf(one)}</span> },
  { name: "time", title: "Time", sort: "timestamp", cell: (one) => <When date={one.timestamp} short /> },
];

/** Of which task, or of which of its runs. */
function TaskChoice({ execution, task, taskRun }: { execution: Execution; task: string; taskRun?: string }) {
  const location = useLocation(), runs = execution.taskRunList ?? [];
  const set = (changes: Record<string, string>) => navigate(withQuery(location, { page: "", ...changes }), true);
  const tasks = [...new Set(runs.map(({ taskId }) => taskId))], same = runs.filter(({ taskId }) => taskId === task);
  return (
    <>
      <select aria-label="Task" value={task} onChange={(event) => set({ task: event.target.value, taskRun: "" })}>
        <option value="">All tasks</option>{tasks.map((name) => <option key={name}>{name}</option>)}
      </select>
      {same.length > 1 && (
        <select aria-label="Run of the task" value={taskRun ?? ""} onChange={(event) => set({ task, taskRun: event.target.value })}>
          <option value="">All {same.length} runs</option>{same.slice(0, 1000).map((run) => <option key={run.id} value={run.id}>{runTitle(run)}</option>)}
        </select>
      )}
    </>
  );
}

export function Metrics({ execution }: { execution: Execution }) {
  const { query } = useLocation(), { page, size } = usePaging();
  const taskRun = query.get("taskRun") ?? undefined, sort = query.get("sort") ?? "timestamp:asc";
  const task = query.get("task") ?? execution.taskRunList?.find(({ id }) => id === taskRun)?.taskId ?? "";
  const ended = (execution.taskRunList ?? []).filter((one) => one.state.endDate).length;
  const key = `${execution.id} ${task} ${taskRun ?? ""} ${page} ${size} ${sort}`;
  // While tasks end their metrics come: what is there stays until then.
  const { data, error } = useLoad(key, () => getMetrics(execution.id, { taskRunId: taskRun, taskId: taskRun ? undefined : task, page, size, sort }), execution.state.endDate ? undefined : 3000);
  return (
    <>
      <div className="bar"><TaskChoice execution={execution} task={task} taskRun={taskRun} /></div>
      <Failure error={error} />
      {!data && !error && <Loading what="Loading metrics" />}
      {data && data.total === 0 && <Empty>{ended ? "No task has counted anything." : "No task has ended yet."}</Empty>}
      {data && data.total > 0 && (
        <>
          <Comparison execution={execution} task={task} />
          <h2>All metrics</h2>
          <Table caption="Metrics" columns={columnsOf(execution)} rows={data.results} rowKey={(one) => `${one.taskRunId} ${one.name} ${one.timestamp} ${tagsOf(one)} ${one.value}`} defaultSort="timestamp:asc" />
          <Pager total={data.total} />
        </>
      )}
    </>
  );
}
