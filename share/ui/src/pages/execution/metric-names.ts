// SPDX-License-Identifier: Apache-2.0
// Metrics in words: what the kernel counts of a process and its children, and a script's own.
import { Metric } from "../../api/types";
import { humanDuration, humanSize } from "../../ui/text";

interface Named { text: string; show: (value: number) => string; /** Of many runs, the most and not the sum. */ most?: boolean }

const names: Record<string, Named> = {
  "process.cpu.user": { text: "CPU time", show: humanDuration },
  "process.cpu.system": { text: "CPU time in the kernel", show: humanDuration },
  "process.cpu.throttled": { text: "Waited for its CPU limit", show: humanDuration },
  "process.memory.peak": { text: "Most memory", show: humanSize, most: true },
  "process.memory.oom.kills": { text: "Processes killed: out of memory", show: String },
  "process.io.read": { text: "Read from disks", show: humanSize },
  "process.io.written": { text: "Written to disks", show: humanSize },
  "process.pids.peak": { text: "Most processes at once", show: String, most: true },
  "process.pids.refused": { text: "Processes refused: limit", show: String },
  "process.signal": { text: "Ended by signal", show: String, most: true },
};

export const kernelMetrics = Object.keys(names);
export const metricText = (name: string) => names[name]?.text ?? name;
export const isMost = (name: string) => Boolean(names[name]?.most);
export const showMetric = ({ name, type }: Pick<Metric, "name" | "type">, value: number): string =>
  names[name]?.show(value) ?? (type === "timer" ? humanDuration(value) : value.toLocaleString());

export function tagsOf(metric: Metric): string {
  return Object.entries(metric.tags ?? {})
    .map(([name, value]) => (name === "attempt" ? (value === "0" ? "" : `attempt ${Number(value) + 1}`) : `${name}: ${value}`))
    .filter(Boolean).join(", ");
}

export interface Total { name: string; type: Metric["type"]; value: number; count: number }

/** One number a name: the sum of what was counted, or the most. */
export function totalsOf(metrics: Metric[]): Map<string, Total> {
  const totals = new Map<string, Total>();
  for (const { name, type, value } of metrics) {
    const known = totals.get(name);
    if (!known) totals.set(name, { name, type, value, count: 1 });
    else Object.assign(known, { value: isMost(name) ? Math.max(known.value, value) : known.value + value, count: known.count + 1 });
  }
  return totals;
}
