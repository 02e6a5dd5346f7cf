// SPDX-License-Identifier: Apache-2.0
// The log of an execution: followed, cut to what a browser holds, and measured before it is drawn.
import { useEffect, useState } from "react";
import { followLogs } from "../../api/executions";
import { Level, levels, LogEntry } from "../../api/types";
import { plainText } from "../../ui/ansi";

const keptAtMost = 100_000;

export interface Lines { entries: LogEntry[]; /** Earlier ones that are no longer kept here. */ cut: number; loading: boolean }

export function useLogLines(id: string, round: unknown): Lines {
  const [lines, setLines] = useState<Lines>({ entries: [], cut: 0, loading: true });
  useEffect(() => {
    let waiting: LogEntry[] = [], again = true, ended = false;
    // A connection begins with the first line again: what came over an earlier one is replaced, in one step.
    const flush = () => {
      if (!waiting.length && !(ended && again)) return;
      const added = waiting, replaced = again;
      waiting = [];
      again = false;
      setLines((old) => {
        const entries = replaced ? added : old.entries.concat(added), cut = replaced ? 0 : old.cut;
        const over = Math.max(0, entries.length - keptAtMost);
        return { entries: over ? entries.slice(over) : entries, cut: cut + over, loading: false };
      });
    };
    // What is shown stays until the new connection has said something, or keeps silent.
    const stop = followLogs(id, {
      onData: (entry) => waiting.push(entry),
      onOpen: () => { waiting = []; again = true; },
      onEnd: () => { ended = true; flush(); },
    });
    const timer = setInterval(flush, 100);
    const quiet = setTimeout(() => { if (again) setLines({ entries: [], cut: 0, loading: false }); }, 1500);
    return () => { stop(); clearInterval(timer); clearTimeout(quiet); };
  }, [id, round]);
  return lines;
}

export interface LogFilter { level: Level; task?: string; taskRun?: string; attempt?: number; search?: string }

export function filterLines(entries: LogEntry[], { level, task, taskRun, attempt, search }: LogFilter): LogEntry[] {
  const lowest = levels.indexOf(level), wanted = search?.toLowerCase();
  return entries.filter((entry) =>
    levels.indexOf(entry.level) >= lowest && (!task || entry.taskId === task) && (!taskRun || entry.taskRunId === taskRun) &&
    (attempt === undefined || (entry.attemptNumber ?? 0) === attempt) && (!wanted || plainText(entry.message ?? "").toLowerCase().includes(wanted)));
}

// eslint-disable-next-line no-control-regex
const wide = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|[\ud800-\udbff][\udc00-\udfff]/g;

/** How many lines a message takes where `columns` characters stand side by side. */
export function linesOf(message: string, columns: number): number {
  let lines = 0;
  for (const line of plainText(message).split("\n")) {
    // eslint-disable-next-line no-control-regex
    const ascii = !/[^\x00-\x7f]/.test(line), tabs = line.includes("\t") ? line.split("\t").length - 1 : 0;
    const length = line.length + 7 * tabs + (ascii ? 0 : (line.match(wide) ?? []).length);
    lines += Math.max(1, Math.ceil(length / Math.max(8, columns)));
  }
  return lines;
}
