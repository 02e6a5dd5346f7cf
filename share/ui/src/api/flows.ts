// SPDX-License-Identifier: Apache-2.0
import { at, get, Query, request, send, sendForm, sendYaml } from "./client";
import { BulkAnswer, Constraint, Flow, FlowFile, Graph, Page, SourceHit } from "./types";

export const searchFlows = (query: Query) => get<Page<Flow>>("/flows/search", query);
export const searchSources = (query: Query) => get<Page<SourceHit>>("/flows/source", query);
export const getFlow = (namespace: string, id: string, revision?: number) =>
  get<Flow>(`/flows/${at(namespace, id)}`, { source: true, revision, allowDeleted: revision !== undefined });
export const getRevisions = (namespace: string, id: string) => get<Flow[]>(`/flows/${at(namespace, id)}/revisions`);
export const createFlow = (source: string) => sendYaml<Flow>("POST", "/flows", source);
export const updateFlow = (namespace: string, id: string, source: string) => sendYaml<Flow>("PUT", `/flows/${at(namespace, id)}`, source);
export const deleteFlow = (namespace: string, id: string) => send("DELETE", `/flows/${at(namespace, id)}`);
export const validateFlow = (source: string) => sendYaml<Constraint[]>("POST", "/flows/validate", source);
export const importFlows = (file: File) => {
  const form = new FormData();
  form.append("fileUpload", file);
  return sendForm<string[]>("POST", "/flows/import", form);
};

export interface FlowId { namespace: string; id: string }
export const flowsByIds = (verb: "enable" | "disable" | "delete", ids: FlowId[]) =>
  send<BulkAnswer>(verb === "delete" ? "DELETE" : "POST", `/flows/${verb}/by-ids`, ids);
/** A ZIP archive of the sources. */
export const exportFlows = async (ids: FlowId[]) =>
  (await request("POST", "/flows/export/by-ids", JSON.stringify(ids), "application/json")).blob();

export const getFlowGraph = (namespace: string, id: string, revision?: number, subflows: string[] = []) =>
  get<Graph>(`/flows/${at(namespace, id)}/graph`, { revision, subflows });
export const graphOfSource = (source: string) => sendYaml<Graph>("POST", "/flows/graph", source);
export const getFlowDependencies = (namespace: string, id: string, expandAll: boolean) =>
  get<Graph>(`/flows/${at(namespace, id)}/dependencies`, { expandAll });
/** The files of the flow directory; a flow that came from one is changed there, not here. */
export const getFlowFiles = () => get<FlowFile[]>("/flow-files");
export const flowNamespaces = () => get<string[]>("/flows/distinct-namespaces");
