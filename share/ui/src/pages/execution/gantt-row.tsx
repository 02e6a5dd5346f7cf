// SPDX-License-Identifier: Apache-2.0
import { Link, navigate } from "../../app/router";
import { StateBadge } from "../../ui/basics";
import { useAction } from "../../ui/load";
import { humanDuration } from "../../ui/text";
import { toast } from "../../ui/toast";
import { Row, runEnd, Segment, segmentsOf } from "./gantt-rows";
import { pathOfExecution } from "./live";

/** The execution that a Subflow task has started. */
function SubflowLink({ id }: { id: string }) {
  const action = useAction();
  const go = () => action.run(async () => {
    try {
      navigate(await pathOfExecution(id));
    } catch (error) {
      toast((error as Error).message, true);
    }
  });
  return <button type="button" className="plain" disabled={action.busy} onClick={go} title={`Execution ${id}`}>subflow ↗</button>;
}

/** How far the executions of a ForEachItem are: its task counts them by state. */
function Items({ counts, all, parent }: { counts: Record<string, number>; all: number; parent: string }) {
  const done = ["SUCCESS", "WARNING", "FAILED", "KILLED", "CANCELLED", "SKIPPED"].reduce((sum, state) => sum + (counts[state] ?? 0), 0);
  const failed = (counts.FAILED ?? 0) + (counts.KILLED ?? 0);
  return <Link to={`executions?triggerExecutionId=${parent}`} title={Object.entries(counts).map(([state, n]) => `${state} ${n}`).join(", ")}>{done} of {all} items{failed ? `, ${failed} failed` : ""} ↗</Link>;
}

interface RowProps { row: Row; window: { start: number; length: number }; now: number; open: boolean; closed: boolean; onOpen: () => void; onToggle: () => void }

/** `whole`: the task run with its waits, behind its tries. */
function Bar({ segment, window, whole }: { segment: Segment; window: RowProps["window"]; whole?: boolean }) {
  const at = (time: number) => (100 * (time - window.start)) / window.length;
  const left = Math.max(0, at(segment.from)), right = Math.min(100, at(segment.to));
  if (left > 100 || right < 0) return null;
  return (
    <span className={`gantt-bar state-${segment.state.toLowerCase()} ${whole ? "whole" : "try"}`} style={{ left: `${Math.min(left, 99.6)}%`, width: `${Math.max(0.4, right - left)}%` }}
          title={`${whole ? "" : `Attempt ${segment.attempt + 1}: `}${segment.state}, ${humanDuration(segment.to - segment.from)}`} />
  );
}

export function GanttRow({ row: { run, depth, children }, window, now, open, closed, onOpen, onToggle }: RowProps) {
  const segments = segmentsOf(run, now), from = Date.parse(run.state.startDate), to = runEnd(run, now);
  const outputs = run.outputs ?? {}, counts = outputs.iterations as Record<string, number> | undefined;
  return (
    <div className={`gantt-row ${open ? "selected" : ""}`}>
      <span className="gantt-name" style={{ paddingLeft: `${depth * 0.9}em` }}>
        {children > 0 ? <button type="button" className="plain gantt-fold" aria-expanded={!closed} aria-label={`${closed ? "Open" : "Close"} ${run.taskId}`} onClick={onToggle}>{closed ? "▸" : "▾"}</button> : <span className="gantt-fold" />}
        <button type="button" className="plain clip" aria-expanded={open} onClick={onOpen} title={`${run.taskId}${run.value !== undefined ? ` [${run.value}]` : ""}: logs and actions`}>
          {run.taskId}{run.value !== undefined && <span className="quiet"> {run.value}</span>}
        </button>
        {segments.length > 1 && <span className="quiet" title={`${segments.length} attempts`}> ×{segments.length}</span>}
        {typeof outputs.executionId === "string" && <SubflowLink id={outputs.executionId} />}
        {counts && typeof counts === "object" && <Items counts={counts} all={Number(outputs.numberOfBatches ?? 0)} parent={run.executionId} />}
      </span>
      <span className="gantt-line" aria-hidden="true" onClick={onOpen}><Bar whole segment={{ from, to, state: run.state.current, attempt: 0 }} window={window} />{segments.map((segment) => <Bar key={segment.attempt} segment={segment} window={window} />)}</span>
      <span className="gantt-time number">{humanDuration(to - from)}</span>
      <StateBadge state={run.state.current} />
    </div>
  );
}
