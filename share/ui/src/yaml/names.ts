// SPDX-License-Identifier: Apache-2.0
// What expressions know: variables with their members, functions and filters (docs: expressions, kestra-expressions(7)).
export const variables: Record<string, string[]> = {
  inputs: [], outputs: [], vars: [], labels: [], globals: [], envs: [],
  flow: ["id", "namespace", "revision", "tenantId"],
  execution: ["id", "startDate", "originalId", "state"],
  task: ["id", "type"],
  taskrun: ["id", "startDate", "attemptsCount", "parentId", "value", "iteration"],
  parent: ["taskrun", "outputs"],
  parents: [],
  trigger: ["date", "next", "previous", "body", "headers", "parameters", "executionId", "namespace", "flowId", "outputs"],
  kestra: ["environment", "url"],
};

export const functions = [
  "currentEachOutput", "decrypt", "encrypt", "errorLogs", "fetchContext", "fileSize", "fileURI", "fromIon", "fromJson", "id", "json", "kv", "max", "min", "now", "printContext", "randomInt", "range",
  "read", "render", "renderOnce", "secret", "uuid", "yaml",
];

export const filters = [
  "abbreviate", "abs", "capitalize", "chunk", "className", "date", "dateAdd", "default", "endsWith", "escapeChar", "first", "flatten", "indent", "join", "jq", "json", "keys", "last", "length", "lower",
  "merge", "nindent", "number", "numberFormat", "replace", "reverse", "rsort", "slice", "slugify", "sort", "split", "startsWith", "substringAfter", "substringAfterLast", "substringBefore",
  "substringBeforeLast", "timestamp", "timestampMicro", "timestampNano", "title", "toIon", "toJson", "trim", "upper", "urldecode", "urlencode", "values", "yaml",
];
