// SPDX-License-Identifier: Apache-2.0
// Numbers of a flow over time, and of many flows at once.
import { at, get, Query, send } from "./client";
import { FlowId } from "./flows";
import { DailyExecutions, Execution } from "./types";

/** Runs of each flow by namespace and id. */
export type RunsByFlow = Record<string, Record<string, DailyExecutions[]>>;
export const dailyByFlow = (flows: FlowId[], startDate: string, endDate: string) =>
  send<RunsByFlow>("POST", "/stats/executions/daily/group-by-flow", { flows, startDate, endDate });
export const latestByFlow = (flows: FlowId[]) => send<Execution[]>("POST", "/stats/executions/latest/group-by-flow", { flows });

export interface Aggregations { groupBy: string; aggregations: { name: string; value?: number; date: string }[] }
export const metricNames = (namespace: string, id: string, task?: string) =>
  get<string[]>(`/metrics/names/${at(namespace, id)}${task ? `/${at(task)}` : ""}`);
export const metricTasks = (namespace: string, id: string) => get<string[]>(`/metrics/tasks/${at(namespace, id)}`);
export const metricValues = (namespace: string, id: string, metric: string, task: string | undefined, query: Query) =>
  get<Aggregations>(`/metrics/aggregates/${at(namespace, id)}/${task ? `${at(task)}/` : ""}${at(metric)}`, query);
