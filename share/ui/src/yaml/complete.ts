// SPDX-License-Identifier: Apache-2.0
// What may stand at the cursor of a flow, out of the server's schemas and the flow's own ids.
import { flowNamespaces, searchFlows } from "../api/flows";
import { allPlugins, FlowSchema, inputDoc, inputTypes, Property, TypeSchema, typeDoc, typeSchemas } from "../api/schemas";
import { Completion, Place } from "../ui/editor";
import { shortType } from "../ui/text";
import { Context, contextAt, Frame, idsIn, keysIn } from "./context";
import { filters, functions, variables } from "./names";

const taskLists = ["tasks", "errors", "finally", "afterExecution", "then", "else", "defaults", "task"];
/** What the flow's schema leaves open. */
const parts: Record<string, string[]> = { concurrency: ["limit", "behavior"], retry: ["type", "interval", "maxAttempt", "maxDuration", "warningOnRetry", "behavior"], sla: ["id", "type", "duration", "behavior", "labels"], outputs: ["id", "type", "value", "description"], pluginDefaults: ["type", "forced", "values"] };
const words: Record<string, string[]> = { "concurrency behavior": ["QUEUE", "CANCEL", "FAIL"], "retry type": ["constant", "exponential", "random"], "retry behavior": ["RETRY_FAILED_TASK", "CREATE_NEW_EXECUTION"], "sla type": ["MAX_DURATION", "EXECUTION_ASSERTION"], "sla behavior": ["FAIL", "CANCEL", "NONE"] };

const refs = (property?: Property) => property?.items?.anyOf?.map(({ $ref }) => $ref.replace("#/definitions/", "")) ?? [];

/** Types that may stand in a list. */
async function typesOf(parent: string | undefined, { flow }: FlowSchema): Promise<string[]> {
  if (parent === "triggers") return refs(flow.properties?.triggers);
  if (parent === "inputs") return (await inputTypes()).map(({ type }) => type);
  if (parent === "conditions" || parent === "taskRunner") return (await allPlugins()).flatMap((plugin) => (parent === "conditions" ? plugin.conditions : plugin.taskRunners) ?? []);
  return taskLists.includes(parent ?? "") ? refs(flow.properties?.tasks) : words[`${parent} type`] ?? [];
}

/** What the block of the cursor is an instance of. */
export async function schemaOf(frames: Frame[], schemas: FlowSchema): Promise<TypeSchema | undefined> {
  const [here, around] = frames, type = here.siblings.get("type");
  if (here.key === undefined) return schemas.flow;
  if (here.key === "inputs" && around?.key === undefined) return (await inputDoc(type || "STRING").catch(() => undefined))?.schema?.properties as TypeSchema | undefined;
  if (type && schemas.definitions[type]) return schemas.definitions[type];
  if (type?.includes(".")) return (await typeDoc(type).catch(() => undefined))?.schema?.properties as TypeSchema | undefined; // not written to its end yet
  if (around) return (await schemaOf(frames.slice(1), schemas))?.properties?.[here.key];
  return undefined;
}

async function keys({ frames, word }: Context, schemas: FlowSchema): Promise<Completion[]> {
  const [here] = frames, schema = await schemaOf(frames, schemas);
  const properties: Record<string, Property> = schema?.properties ?? Object.fromEntries((parts[here.key ?? ""] ?? (taskLists.concat("triggers", "conditions").includes(here.key ?? "") ? ["id", "type"] : here.key === "taskRunner" ? ["type"] : [])).map((name) => [name, {}]));
  const before = (property: Property) => (property.$required ? 0 : property.$deprecated ? 2 : 1);
  return Object.entries(properties).filter(([name]) => !here.siblings.has(name) || name === word).sort(([, a], [, b]) => before(a) - before(b))
    .map(([name, property]) => ({ text: `${name}: `, about: [property.$required && "required", property.title].filter(Boolean).join(" · "), replaces: word.length }));
}

async function values({ key = "", frames, word }: Context, schemas: FlowSchema): Promise<Completion[]> {
  const [here] = frames, replaces = word.length;
  if (key === "type" && here.key !== undefined)
    return (await typesOf(here.key, schemas)).map((text) => ({ text, about: schemas.definitions[text]?.title, replaces }));
  if (key === "namespace") return (await flowNamespaces()).map((text) => ({ text, replaces }));
  if (key === "flowId") return (await searchFlows({ namespace: here.siblings.get("namespace"), page: 1, size: 100 })).results.map(({ id }) => ({ text: id, replaces }));
  const property = (await schemaOf(frames, schemas))?.properties?.[key];
  const choices = property?.enum ?? (property?.type === "boolean" ? [true, false] : words[`${here.key} ${key}`] ?? []);
  return choices.map((value) => ({ text: String(value), about: value === property?.default ? "default" : undefined, replaces }));
}

async function outputsOf(type: string | undefined): Promise<string[]> {
  if (!type) return [];
  const outputs = (await typeDoc(type).catch(() => undefined))?.schema?.outputs as TypeSchema | undefined;
  return Object.keys(outputs?.properties ?? {});
}

/** After a dot the members of what stands before it, after a bar the filters, else what is there at all. */
async function expressions(lines: string[], inside: string): Promise<Completion[]> {
  const path = /([\w.-]*)$/.exec(inside)?.[1] ?? "", [root, ...rest] = path.split("."), last = rest[rest.length - 1] ?? root;
  const named = (names: string[], about?: string) => names.map((text) => ({ text, about, replaces: last.length }));
  if (/\|\s*\w*$/.test(inside)) return named(filters, "filter");
  if (!rest.length) return [...named(Object.keys(variables), "variable"), ...named(functions.map((name) => `${name}(`), "function")];
  if (rest.length === 1 && (root === "inputs" || root === "outputs"))
    return idsIn(lines, root === "inputs" ? "inputs" : "tasks").map(({ id, type }) => ({ text: id, about: type && shortType(type), replaces: last.length }));
  if (rest.length === 1 && root === "vars") return named(keysIn(lines, "variables"));
  if (rest.length === 1 && root === "labels") return named(keysIn(lines, "labels"));
  if (rest.length === 2 && root === "outputs") return named(await outputsOf(idsIn(lines, "tasks").find(({ id }) => id === rest[0])?.type), "output");
  return rest.length === 1 ? named(variables[root] ?? []) : [];
}

export async function complete(lines: string[], { line, column }: Place): Promise<Completion[]> {
  const context = contextAt(lines, line, column);
  const all = context.kind === "expression" ? await expressions(lines, context.word) : await (context.kind === "key" ? keys : values)(context, await typeSchemas());
  const written = (context.kind === "expression" ? /[\w-]*$/.exec(context.word)?.[0] ?? "" : context.word).toLowerCase();
  const rank = (text: string) => (text.toLowerCase().startsWith(written) || shortType(text).toLowerCase().startsWith(written) ? 0 : 1);
  const fitting = all.filter(({ text }) => text.toLowerCase().includes(written) && text !== context.word);
  return fitting.sort((a, b) => rank(a.text) - rank(b.text)).slice(0, 200);
}

const propertyText = (name: string, property: Property) => [
  `${name}${property.type ? `: ${property.type}` : ""}${property.$required ? ", required" : ""}${property.$dynamic ? ", may be an expression" : ""}${property.$deprecated ? ", deprecated" : ""}`,
  property.title, property.description, property.enum && `One of ${property.enum.join(", ")}.`, property.default !== undefined && `Default: ${JSON.stringify(property.default)}`,
].filter(Boolean).join("\n");

/** About the key under the pointer, or the type. */
export async function describe(lines: string[], { line, column }: Place): Promise<string | undefined> {
  const text = lines[line] ?? "", found = /^\s*(?:-\s+)*([\w.$/-]+)\s*:\s*(.*)$/.exec(text);
  if (!found || column >= text.length) return undefined;
  const schemas = await typeSchemas(), { frames } = contextAt(lines, line, text.indexOf(found[1]));
  if (found[1] === "type" && column > text.indexOf(found[2])) {
    const type = schemas.definitions[found[2].trim()];
    return type && [found[2], type.title, type.description].filter(Boolean).join("\n");
  }
  const property = column <= text.indexOf(found[1]) + found[1].length ? (await schemaOf(frames, schemas))?.properties?.[found[1]] : undefined;
  return property && propertyText(found[1], property);
}
