// SPDX-License-Identifier: Apache-2.0
// Starting executions of a flow.
import { apiPath, at, queryText, sendForm } from "./client";
import { upload } from "./upload";
import { Execution, InputsCheck } from "./types";

export { getExecution } from "./executions";

export interface Start {
  labels?: string[];
  scheduleDate?: string;
  revision?: number;
  /** Inputs whose default was taken away: an addition to Kestra's API. */
  cleared?: string[];
}
const path = (namespace: string, id: string, start: Start) => `/executions/${at(namespace, id)}${queryText({ ...start })}`;

export const startExecution = (namespace: string, id: string, inputs: FormData, start: Start, onProgress: (part: number) => void) =>
  upload<Execution>(path(namespace, id, start), inputs, onProgress);
export const startAddress = (namespace: string, id: string, start: Start) => apiPath + path(namespace, id, start);
/** What the values given so far make of the inputs: which are asked for, which are wrong. Nothing is started. */
export const checkStart = (namespace: string, id: string, inputs: FormData, start: Start) =>
  sendForm<InputsCheck>("POST", `/executions/${at(namespace, id)}/validate${queryText({ ...start })}`, inputs);
export const webhookAddress = (namespace: string, id: string, key: string) =>
  new URL(`${apiPath}/executions/webhook/${at(namespace, id, key)}`, window.location.href).href;
