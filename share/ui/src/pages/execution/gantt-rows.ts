// SPDX-License-Identifier: Apache-2.0
// The rows of the Gantt chart, and the marks of its time scale.
import { Execution, isTerminal, State, TaskRun } from "../../api/types";

export interface Row { run: TaskRun; depth: number; children: number }

const startOf = (run: TaskRun) => Date.parse(run.state.startDate);

/** Task runs as a tree, children under their parent, each level in the order of its starts; what is under a closed row is left out. */
export function rowsOf(runs: TaskRun[], closed: Set<string>): Row[] {
  const known = new Set(runs.map(({ id }) => id)), children = new Map<string, TaskRun[]>();
  for (const run of runs) {
    const parent = run.parentTaskRunId && known.has(run.parentTaskRunId) ? run.parentTaskRunId : "";
    const siblings = children.get(parent);
    if (siblings) siblings.push(run);
    else children.set(parent, [run]);
  }
  // The sort is stable: runs of the same millisecond stay in the order in which the executor made them.
  children.forEach((siblings) => siblings.sort((a, b) => startOf(a) - startOf(b)));
  const rows: Row[] = [];
  const walk = (parent: string, depth: number) => {
    for (const run of children.get(parent) ?? []) {
      rows.push({ run, depth, children: children.get(run.id)?.length ?? 0 });
      if (!closed.has(run.id)) walk(run.id, depth + 1);
    }
  };
  walk("", 0);
  return rows;
}

export interface Segment { from: number; to: number; state: State["current"]; attempt: number }

const endOf = (state: State, now: number) => {
  if (!isTerminal(state.current)) return now;
  return Date.parse(state.endDate ?? state.histories[state.histories.length - 1]?.date ?? state.startDate);
};

/** One a try; without tries, the whole run. */
export function segmentsOf(run: TaskRun, now: number): Segment[] {
  if (!run.attempts?.length) return [{ from: startOf(run), to: endOf(run.state, now), state: run.state.current, attempt: 0 }];
  return run.attempts.map(({ state }, attempt) => ({ from: Date.parse(state.startDate), to: endOf(state, now), state: state.current, attempt }));
}

export const runEnd = (run: TaskRun, now: number) => endOf(run.state, now);

/** From the first start to the last end. A restart goes on days later: the window begins where the runs do. */
export function spanOf({ state, taskRunList = [] }: Execution, now: number): { start: number; end: number } {
  const start = Date.parse(state.startDate);
  let end = endOf(state, now);
  for (const run of taskRunList) end = Math.max(end, endOf(run.state, now));
  return { start, end: Math.max(start + 1, end) };
}

const steps = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 15e3, 3e4, 6e4, 12e4, 3e5, 6e5, 9e5, 18e5, 36e5, 72e5, 108e5, 216e5, 432e5, 864e5, 1728e5, 6048e5];

/** Round offsets from the start, in milliseconds, not closer than a part of the whole. */
export function ticksOf(length: number, most: number): number[] {
  const wanted = length / Math.max(1, most), last = steps[steps.length - 1];
  const step = steps.find((one) => one >= wanted) ?? last * Math.ceil(wanted / last);
  return Array.from({ length: Math.floor(length / step) + 1 }, (_, index) => index * step);
}
