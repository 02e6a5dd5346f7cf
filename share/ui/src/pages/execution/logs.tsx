// SPDX-License-Identifier: Apache-2.0
import { useMemo, useState } from "react";
import { deleteLogs, logsText, logsUrl } from "../../api/executions";
import { Execution, isTerminal, Level, levels } from "../../api/types";
import { preference } from "../../app/preferences";
import { navigate, useLocation, useParameter, withQuery } from "../../app/router";
import { Copy, Empty, Loading } from "../../ui/basics";
import { confirm } from "../../ui/dialog";
import { SearchField } from "../../ui/filters";
import { Menu } from "../../ui/menu";
import { plural } from "../../ui/text";
import { telling, toast } from "../../ui/toast";
import { runTitle } from "./live";
import { filterLines, LogFilter, useLogLines } from "./log-lines";
import { LogList } from "./log-list";

/** What the server is asked for the same lines. */
const serverQuery = ({ level, task, taskRun, attempt }: LogFilter) => ({ minLevel: level, taskId: taskRun ? undefined : task, taskRunId: taskRun, attempt });

function useLogFilter(): LogFilter {
  const { query } = useLocation();
  const level = (query.get("level") ?? preference("level")) as Level, attempt = query.get("attempt");
  return {
    level: levels.includes(level) ? level : "INFO", task: query.get("task") ?? undefined, taskRun: query.get("taskRun") ?? undefined,
    attempt: attempt ? Number(attempt) : undefined, search: query.get("q") ?? undefined,
  };
}

function LogFilters({ execution, filter }: { execution: Execution; filter: LogFilter }) {
  const location = useLocation(), runs = execution.taskRunList ?? [];
  const set = (changes: Record<string, string>) => navigate(withQuery(location, changes), true);
  const tasks = [...new Set(runs.map(({ taskId }) => taskId))];
  const ofTask = runs.filter(({ taskId, id }) => (filter.task ? taskId === filter.task : id === filter.taskRun));
  const attempts = Math.max(0, ...runs.filter(({ id, taskId }) => (filter.taskRun ? id === filter.taskRun : taskId === filter.task)).map((run) => run.attempts?.length ?? 0));
  const task = filter.task ?? ofTask[0]?.taskId ?? "";
  const sameTask = runs.filter(({ taskId }) => taskId === task);
  return (
    <>
      <select aria-label="Lowest level" value={filter.level} onChange={(event) => set({ level: event.target.value })}>{levels.map((name) => <option key={name}>{name}</option>)}</select>
      <select aria-label="Task" value={task} onChange={(event) => set({ task: event.target.value, taskRun: "", attempt: "" })}>
        <option value="">All tasks</option>{tasks.map((name) => <option key={name}>{name}</option>)}
      </select>
      {task && sameTask.length > 1 && (
        <select aria-label="Run of the task" value={filter.taskRun ?? ""} onChange={(event) => set({ taskRun: event.target.value, task, attempt: "" })}>
          <option value="">All {sameTask.length} runs</option>{sameTask.slice(0, 1000).map((run) => <option key={run.id} value={run.id}>{runTitle(run)}</option>)}
        </select>
      )}
      {attempts > 1 && (
        <select aria-label="Attempt" value={filter.attempt ?? ""} onChange={(event) => set({ attempt: event.target.value })}>
          <option value="">All attempts</option>{Array.from({ length: attempts }, (_, n) => <option key={n} value={n}>Attempt {n + 1}</option>)}
        </select>
      )}
    </>
  );
}

export function Logs({ execution }: { execution: Execution }) {
  const filter = useLogFilter(), running = !isTerminal(execution.state.current);
  const [round, setRound] = useState(0);
  const { entries, cut, loading } = useLogLines(execution.id, `${round} ${running}`);
  const [follow, setFollow] = useParameter("follow", "yes");
  const shown = useMemo(() => filterLines(entries, filter), [entries, filter.level, filter.task, filter.taskRun, filter.attempt, filter.search]); // eslint-disable-line react-hooks/exhaustive-deps
  const query = serverQuery(filter), narrowed = Boolean(filter.task || filter.taskRun);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(await logsText(execution.id, query));
      toast("Copied");
    } catch (error) {
      toast((error as Error).message, true);
    }
  };
  const remove = async () => {
    if (!await confirm("Delete log lines?", <p>All lines {narrowed ? "of the chosen task" : "of this execution"} at {filter.level} and above. They cannot be brought back.</p>, "Delete")) return;
    if (await telling("Log lines deleted", () => deleteLogs(execution.id, query))) setRound(round + 1);
  };
  return (
    <section aria-label="Logs">
      <div className="bar">
        <SearchField label="Search the log" />
        <LogFilters execution={execution} filter={filter} />
        {running && <label><input type="checkbox" checked={follow === "yes"} onChange={(event) => setFollow(event.target.checked ? "yes" : "no")} /> Follow</label>}
        <a className="button" href={logsUrl(execution.id, query)} download={`${execution.id}.log`}>Download</a>
        <Menu label="More" commands={[{ label: "Copy these lines", run: () => void copy() }, { label: "Delete …", danger: true, run: () => void remove() }]} />
      </div>
      <p className="quiet" role="status">
        {plural(shown.length, "line")}{entries.length > shown.length && ` of ${entries.length.toLocaleString()}`}
        {cut > 0 && `; ${cut.toLocaleString()} earlier ones are left out here, the download has them`}
      </p>
      {shown.length ? <LogList entries={shown} search={filter.search} follow={running && follow === "yes"} />
        : loading ? <Loading what="Loading the log" /> : <Empty>{entries.length ? "No line fits the filters." : running ? "No line yet." : "Nothing was logged."}</Empty>}
      <p className="quiet">On the server: <code>journalctl KESTRA_EXECUTION_ID={execution.id}</code> <Copy text={`journalctl KESTRA_EXECUTION_ID=${execution.id}`} /></p>
    </section>
  );
}
