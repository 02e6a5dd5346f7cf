// SPDX-License-Identifier: Apache-2.0
// One task run, opened in the Gantt chart: its log, and what can be done with it.
import { useState } from "react";
import { getLogs } from "../../api/executions";
import { Execution, isTerminal, TaskRun } from "../../api/types";
import { Link } from "../../app/router";
import { Duration, Failure, StateBadge, When } from "../../ui/basics";
import { useLoad } from "../../ui/load";
import { TaskStateDialog, ReplayDialog } from "./dialogs";
import { executionPath, runTitle } from "./live";
import { LogList } from "./log-list";

export function TaskRunDetail({ execution, run, reload }: { execution: Execution; run: TaskRun; reload: () => void }) {
  const running = !isTerminal(run.state.current), ended = isTerminal(execution.state.current);
  const { data, error } = useLoad(`logs ${run.id} ${running}`, () => getLogs(execution.id, { taskRunId: run.id, minLevel: "TRACE" }), running ? 2000 : undefined);
  const [asked, setAsked] = useState<"state" | "replay">();
  const link = (tab: string) => `${executionPath(execution, tab)}?taskRun=${run.id}`;
  const refused = ended ? undefined : "only after the execution has ended";
  return (
    <>
      <div className="bar">
        <span><StateBadge state={run.state.current} /> <When date={run.state.startDate} short /> · <Duration state={run.state} /></span>
        <Link className="button small" to={link("logs")}>Logs</Link>
        <Link className="button small" to={link("outputs")}>Outputs</Link>
        <Link className="button small" to={link("metrics")}>Metrics</Link>
        <button type="button" className="small" disabled={!ended} title={refused} onClick={() => setAsked("replay")}>Replay from here …</button>
        <button type="button" className="small" disabled={!ended && execution.state.current !== "PAUSED"} title={refused} onClick={() => setAsked("state")}>Change state …</button>
      </div>
      <Failure error={error} />
      {data && (data.length ? <LogList entries={data} short follow={running} /> : <p className="quiet">{runTitle(run)} has logged nothing.</p>)}
      {asked === "state" && <TaskStateDialog execution={execution} run={run} onClose={() => setAsked(undefined)} reload={reload} />}
      {asked === "replay" && <ReplayDialog execution={execution} run={run} onClose={() => setAsked(undefined)} />}
    </>
  );
}
