// SPDX-License-Identifier: Apache-2.0
// Triggers, logs, statistics, namespaces, plugins, the cluster, what was set aside.
import { apiPath, at, get, getText, Query, queryText, request, send, sendForm } from "./client";
import {
  BulkAnswer, DailyExecutions, DailyLogs, Graph, Instance, KvEntry, KvValue, LogEntry, NamespaceFile, NamespaceItem, Page, Plugin, PluginDoc,
  Poison, QueueDepth, ServerConfig, Trigger, TriggerState,
} from "./types";

export const searchTriggers = (query: Query) => get<Page<Trigger>>("/triggers/search", query);
export const triggersOfFlow = (namespace: string, id: string, query: Query = {}) =>
  get<Page<TriggerState>>(`/triggers/${at(namespace, id)}`, query);
export const changeTrigger = (state: TriggerState) => send<TriggerState>("PUT", "/triggers", state);
const triggerAt = (state: TriggerState) => `/triggers/${at(state.namespace, state.flowId, state.triggerId)}`;
export const unlockTrigger = (state: TriggerState) => send<TriggerState>("POST", `${triggerAt(state)}/unlock`);
export const restartTrigger = (state: TriggerState) => send<TriggerState>("POST", `${triggerAt(state)}/restart`);
export const backfillVerb = (verb: "pause" | "unpause" | "delete", state: TriggerState) =>
  send<TriggerState>(verb === "delete" ? "POST" : "PUT", `/triggers/backfill/${verb}`, state);

const ids = (states: TriggerState[]) => states.map(({ namespace, flowId, triggerId }) => ({ namespace, flowId, triggerId }));
export const disableTriggers = (states: TriggerState[], disabled: boolean) =>
  send<BulkAnswer>("POST", "/triggers/set-disabled/by-triggers", { triggers: ids(states), disabled });
export const unlockTriggers = (states: TriggerState[]) => send<BulkAnswer>("POST", "/triggers/unlock/by-triggers", ids(states));
export const backfillsVerb = (verb: "pause" | "unpause" | "delete", states: TriggerState[]) =>
  send<BulkAnswer>("POST", `/triggers/backfill/${verb}/by-triggers`, ids(states));

export const deleteFlowLogs = (namespace: string, flowId: string, triggerId?: string) => send("DELETE", `/logs/${at(namespace, flowId)}${queryText({ triggerId })}`);
export const searchLogs = (query: Query) => get<Page<LogEntry>>("/logs/search", query);

export interface StatsFilter { namespace?: string; flowId?: string; startDate?: string; endDate?: string; q?: string }
export const dailyExecutions = (filter: StatsFilter) => send<DailyExecutions[]>("POST", "/stats/executions/daily", filter);
export const dailyLogs = (filter: StatsFilter) => send<DailyLogs[]>("POST", "/stats/logs/daily", filter);

export const searchNamespaces = (query: Query) => get<Page<NamespaceItem>>("/namespaces/search", query);
export const getNamespaceDependencies = (namespace: string) => get<Graph>(`/namespaces/${at(namespace)}/dependencies`);

const filesAt = (namespace: string) => `/namespaces/${at(namespace)}/files`;
export const listDirectory = (namespace: string, path: string) => get<NamespaceFile[]>(`${filesAt(namespace)}/directory`, { path });
export const readFile = (namespace: string, path: string) => getText(filesAt(namespace), { path });
export const fileAddress = (namespace: string, path: string) => `${apiPath}${filesAt(namespace)}${queryText({ path })}`;
export const writeFile = (namespace: string, path: string, content: Blob) => {
  const form = new FormData();
  form.append("fileContent", content, path.split("/").pop());
  return sendForm<void>("POST", `${filesAt(namespace)}${queryText({ path })}`, form);
};
export const makeDirectory = (namespace: string, path: string) => send("POST", `${filesAt(namespace)}/directory${queryText({ path })}`);
export const moveFile = (namespace: string, from: string, to: string) => send("PUT", `${filesAt(namespace)}${queryText({ from, to })}`);
export const deleteFile = (namespace: string, path: string) => send("DELETE", `${filesAt(namespace)}${queryText({ path })}`);

export const filesArchive = (namespace: string) => `${apiPath}${filesAt(namespace)}/export`;

export const listKv = (namespace: string) => get<KvEntry[]>(`/namespaces/${at(namespace)}/kv`);
export const getKv = (namespace: string, key: string) => get<KvValue>(`/namespaces/${at(namespace)}/kv/${at(key)}`);
/** The value as JSON; numbers and dates as they stand. The time to live is an ISO-8601 duration. */
export const putKv = (namespace: string, key: string, value: string, ttl?: string) =>
  request("PUT", `/namespaces/${at(namespace)}/kv/${at(key)}`, value, "text/plain", ttl ? { ttl } : {});
export const deleteKv = (namespace: string, key: string) => send<boolean>("DELETE", `/namespaces/${at(namespace)}/kv/${at(key)}`);

export const getPlugins = () => get<Plugin[]>("/plugins");
export const getPluginDoc = (type: string) => get<PluginDoc>(`/plugins/${at(type)}`, { all: true });
export const flowSchema = () => get<Record<string, unknown>>("/plugins/schemas/flow");
export const getConfig = () => get<ServerConfig>("/configs");
export const getQueue = () => get<QueueDepth>("/cluster/queue");
export const getInstances = () => get<Instance[]>("/cluster/instances");

/** Messages that were set aside: an addition to Kestra's API. */
export const searchPoison = (query: Query) => get<Page<Poison>>("/poison", query);
export const getPoison = (id: string) => get<Poison>(`/poison/${at(id)}`);
export const replayPoison = (id: string) => send("POST", `/poison/${at(id)}/replay`);
export const discardPoison = (id: string) => send("DELETE", `/poison/${at(id)}`);
export type { BulkAnswer };
