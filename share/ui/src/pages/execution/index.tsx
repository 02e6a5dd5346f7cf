// SPDX-License-Identifier: Apache-2.0
import { useEffect, useMemo, useRef, useState } from "react";
import { followExecution, followLogs, getExecution, killExecution, logsUrl, replayExecution, restartExecution } from "../../api/executions";
import { Execution, isTerminal, LogEntry, TaskRun } from "../../api/types";
import { Link, navigate, useLocation, withQuery } from "../../app/router";
import { PageProps } from "../../app/routes";
import { PageHead } from "../../app/shell";
import { Duration, Empty, Failure, StateBadge, When } from "../../ui/basics";
import { useAction, useLoad, useNow } from "../../ui/load";
import { humanDuration } from "../../ui/text";
import { Metrics } from "./metrics";

/** The execution, kept up to date by server-sent events until it ends. */
function useExecution(id: string): { execution?: Execution; error?: Error; reload: () => void } {
  const { data, error, reload } = useLoad(id, () => getExecution(id));
  const [live, setLive] = useState<Execution>();
  const [round, setRound] = useState(0);
  useEffect(() => followExecution(id, { onData: setLive }), [id, round]);
  return { execution: live ?? data, error, reload: () => { setLive(undefined); reload(); setRound((n) => n + 1); } };
}

interface Row { run: TaskRun; depth: number }

/** Task runs as a tree in list order: children under their parent. */
function rowsOf(execution: Execution): Row[] {
  const runs = execution.taskRunList ?? [];
  const children = new Map<string, TaskRun[]>();
  for (const run of runs) {
    const parent = run.parentTaskRunId ?? "";
    children.set(parent, [...(children.get(parent) ?? []), run]);
  }
  const rows: Row[] = [];
  const walk = (parent: string, depth: number) => {
    for (const run of children.get(parent) ?? []) {
      rows.push({ run, depth });
      walk(run.id, depth + 1);
    }
  };
  walk("", 0);
  return rows;
}

const shownAtMost = 500;

function Gantt({ execution, selected, onSelect }: { execution: Execution; selected?: string; onSelect: (id: string) => void }) {
  const rows = useMemo(() => rowsOf(execution), [execution]);
  const now = useNow(!isTerminal(execution.state.current));
  const start = Date.parse(execution.state.startDate);
  const end = Math.max(start + 1, execution.state.endDate ? Date.parse(execution.state.endDate) : now);
  if (!rows.length) return <Empty>No task has started yet.</Empty>;
  return (
    <>
      <ol className="gantt" aria-label="Task runs">
        {rows.slice(0, shownAtMost).map(({ run, depth }) => {
          const from = Date.parse(run.state.startDate);
          const to = run.state.endDate ? Date.parse(run.state.endDate) : isTerminal(run.state.current) ? from : now;
          const left = Math.min(99, Math.max(0, (100 * (from - start)) / (end - start)));
          return (
            <li key={run.id}>
              <button className={`gantt-row ${selected === run.id ? "selected" : ""}`} onClick={() => onSelect(run.id)}
                      aria-pressed={selected === run.id}>
                <span className="gantt-name clip" style={{ paddingLeft: `${depth}em` }}>
                  {run.taskId}{run.value !== undefined && <span className="quiet"> {run.value}</span>}
                </span>
                <span className="gantt-line">
                  <span className={`gantt-bar state-${run.state.current.toLowerCase()}`}
                        style={{ left: `${left}%`, width: `${Math.max(0.6, Math.min(100 - left, (100 * (to - from)) / (end - start)))}%` }} />
                </span>
                <span className="gantt-time number">{humanDuration(to - from)}</span>
                <StateBadge state={run.state.current} />
              </button>
            </li>
          );
        })}
      </ol>
      {rows.length > shownAtMost && <p className="quiet">Showing {shownAtMost} of {rows.length.toLocaleString()} task runs.</p>}
    </>
  );
}

const levels = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR"];
const keptAtMost = 5000;

function Logs({ execution, taskRun }: { execution: Execution; taskRun?: string }) {
  const [entries, setEntries] = useState<LogEntry[]>([]);
  const [level, setLevel] = useState("INFO");
  const [cut, setCut] = useState(0);
  const list = useRef<HTMLOListElement>(null);
  useEffect(() => {
    let waiting: LogEntry[] = [];
    setEntries([]);
    setCut(0);
    const flush = () => {
      if (!waiting.length) return;
      const added = waiting;
      waiting = [];
      setEntries((old) => {
        const all = [...old, ...added];
        if (all.length <= keptAtMost) return all;
        setCut((n) => n + all.length - keptAtMost);
        return all.slice(-keptAtMost);
      });
    };
    // A new connection begins with the first line again.
    const stop = followLogs(execution.id, { onData: (entry) => waiting.push(entry), onOpen: () => { waiting = []; setEntries([]); setCut(0); } });
    const timer = setInterval(flush, 100);
    return () => { stop(); clearInterval(timer); };
  }, [execution.id]);
  const shown = entries.filter((entry) => levels.indexOf(entry.level) >= levels.indexOf(level) && (!taskRun || entry.taskRunId === taskRun));
  useEffect(() => {
    if (list.current && !isTerminal(execution.state.current)) list.current.scrollTop = list.current.scrollHeight;
  }, [shown.length, execution.state]);
  return (
    <section>
      <div className="bar">
        <h2>Logs</h2>
        <select aria-label="Lowest level" value={level} onChange={(event) => setLevel(event.target.value)}>
          {levels.map((name) => <option key={name}>{name}</option>)}
        </select>
        <a className="button" href={logsUrl(execution.id)} download={`${execution.id}.log`}>Download</a>
      </div>
      {cut > 0 && <p className="quiet">{cut.toLocaleString()} earlier lines are left out here; the download has them.</p>}
      {shown.length === 0 ? <Empty>No line at {level} or above.</Empty> : (
        <ol className="logs" ref={list}>
          {shown.map((entry, index) => (
            <li key={index} className={`level-${entry.level.toLowerCase()}`}>
              <time dateTime={entry.timestamp} title={entry.timestamp}>{new Date(entry.timestamp).toLocaleTimeString()}</time>
              <b>{entry.level}</b> <span className="quiet">{entry.taskId}</span> <span className="message">{entry.message}</span>
            </li>
          ))}
        </ol>
      )}
      <p className="quiet">On the server: <code>journalctl KESTRA_EXECUTION_ID={execution.id}</code></p>
    </section>
  );
}

function Outputs({ execution, run }: { execution: Execution; run?: TaskRun }) {
  const value = run ? run.outputs : execution.outputs;
  return (
    <section>
      <h2>Outputs {run && <span className="quiet">of {run.taskId}{run.value !== undefined ? ` [${run.value}]` : ""}</span>}</h2>
      {value && Object.keys(value).length ? <pre className="json">{JSON.stringify(value, null, 2)}</pre> : <Empty>None.</Empty>}
      {!run && execution.inputs && (
        <>
          <h2>Inputs</h2>
          <pre className="json">{JSON.stringify(execution.inputs, null, 2)}</pre>
        </>
      )}
    </section>
  );
}

export default function ExecutionPage({ names: { id } }: PageProps) {
  const { execution, error, reload } = useExecution(id);
  const location = useLocation(), { query } = location;
  const action = useAction();
  const selected = query.get("taskRun") ?? undefined;
  if (error && !execution) return <Failure error={error} />;
  if (!execution) return null;
  const state = execution.state.current;
  const select = (run: string) => navigate(withQuery(location, { taskRun: run === selected ? "" : run }), true);
  const replay = () => action.run(async () => {
    const next = await replayExecution(id);
    navigate(`executions/${next.namespace}/${next.flowId}/${next.id}`);
  });
  return (
    <>
      <PageHead text={`${execution.flowId} ${execution.id.slice(0, 8)}`}
                title={<><StateBadge state={state} /> <Link to={`flows/${execution.namespace}/${execution.flowId}`}>{execution.flowId}</Link></>}>
        {!isTerminal(state) && <button className="danger" disabled={action.busy || state === "KILLING"} onClick={() => action.run(() => killExecution(id))}>Kill</button>}
        {state === "FAILED" && <button disabled={action.busy} onClick={() => action.run(async () => { await restartExecution(id); reload(); })}>Restart</button>}
        {isTerminal(state) && <button disabled={action.busy} onClick={replay}>Replay</button>}
      </PageHead>
      <Failure error={action.error} />
      <dl className="facts">
        <div><dt>Execution</dt><dd className="mono">{execution.id}</dd></div>
        <div><dt>Namespace</dt><dd>{execution.namespace}</dd></div>
        <div><dt>Revision</dt><dd>{execution.flowRevision}</dd></div>
        <div><dt>Started</dt><dd><When date={execution.state.startDate} /></dd></div>
        <div><dt>Duration</dt><dd><Duration state={execution.state} /></dd></div>
        {execution.trigger && <div><dt>Trigger</dt><dd>{execution.trigger.id}</dd></div>}
      </dl>
      <h2>Task runs</h2>
      <Gantt execution={execution} selected={selected} onSelect={select} />
      <Logs execution={execution} taskRun={selected} />
      <Outputs execution={execution} run={execution.taskRunList?.find((run) => run.id === selected)} />
      <Metrics execution={execution} run={execution.taskRunList?.find((run) => run.id === selected)} />
    </>
  );
}
