// SPDX-License-Identifier: Apache-2.0
import { useEffect } from "react";
import { getExecutionGraph } from "../../api/executions";
import { Execution, isTerminal, TaskRun } from "../../api/types";
import { Link, useParameter } from "../../app/router";
import { Duration, Empty, Failure, Loading, StateBadge } from "../../ui/basics";
import { useLoad } from "../../ui/load";
import { TopologyView } from "../../ui/topology";
import { executionPath, runTitle } from "./live";

function Runs({ execution, runs }: { execution: Execution; runs: TaskRun[] }) {
  return (
    <ul className="rows" aria-label="Runs of the chosen task">
      {runs.slice(0, 100).map((run) => (
        <li key={run.id}>
          <StateBadge state={run.state.current} /> {runTitle(run)} <Duration state={run.state} />{" "}
          <Link to={`${executionPath(execution, "logs")}?taskRun=${run.id}`}>Logs</Link>{" "}
          <Link to={`${executionPath(execution, "outputs")}?taskRun=${run.id}`}>Outputs</Link>
        </li>
      ))}
      {runs.length > 100 && <li className="quiet">… {(runs.length - 100).toLocaleString()} more in the <Link to={executionPath(execution, "gantt")}>Gantt</Link></li>}
    </ul>
  );
}

export default function ExecutionTopology({ execution }: { execution: Execution }) {
  const running = !isTerminal(execution.state.current);
  const { data, error, reload } = useLoad(`graph ${execution.id}`, () => getExecutionGraph(execution.id), running ? 2000 : undefined);
  const [selected, select] = useParameter("task");
  // What was started last is drawn when all has ended.
  useEffect(() => { if (!running) reload(); }, [running, reload]);
  if (!data) return error ? <Failure error={error} /> : <Loading what="Drawing" />;
  if (!data.nodes.length) return <Empty>This flow has no task.</Empty>;
  const runs = (execution.taskRunList ?? []).filter((run) => run.taskId === selected);
  return (
    <>
      <TopologyView graph={data} label={`Tasks of ${execution.flowId} and their states`} runs={execution.taskRunList} selectedTask={selected}
                    onSelect={(box) => select(box.task && box.task !== selected ? box.task : "")} />
      {selected && (runs.length ? <Runs execution={execution} runs={runs} /> : <p className="quiet">{selected} has not run.</p>)}
    </>
  );
}
