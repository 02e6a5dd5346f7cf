// SPDX-License-Identifier: Apache-2.0
// What the server says about types: asked once, and kept while the interface is open.
import { at, get } from "./client";
import { flowSchema, getPluginDoc, getPlugins } from "./others";
import { Plugin, PluginDoc } from "./types";

export interface Property {
  type?: string;
  title?: string;
  description?: string;
  enum?: unknown[];
  default?: unknown;
  format?: string;
  items?: Property & { anyOf?: { $ref: string }[] };
  properties?: Record<string, Property>;
  $dynamic?: boolean;
  $required?: boolean;
  $deprecated?: boolean;
}
export interface TypeSchema { title?: string; description?: string; properties?: Record<string, Property>; required?: string[] }
export interface FlowSchema { definitions: Record<string, TypeSchema>; flow: TypeSchema }

const kept = new Map<string, Promise<unknown>>();
/** A failure is forgotten: it is asked again. */
function once<T>(key: string, ask: () => Promise<T>): Promise<T> {
  const known = kept.get(key) as Promise<T> | undefined;
  if (known) return known;
  const asked = ask();
  kept.set(key, asked);
  asked.catch(() => kept.delete(key));
  return asked;
}

export const typeSchemas = () => once<FlowSchema>("flow", async () => {
  const schema = (await flowSchema()) as { $ref: string; definitions: Record<string, TypeSchema> };
  return { definitions: schema.definitions, flow: schema.definitions[schema.$ref.replace("#/definitions/", "")] ?? {} };
});
export const allPlugins = () => once<Plugin[]>("plugins", getPlugins);
/** Names of types and their aliases. */
const knownTypes = () => once("types", async () => new Set((await allPlugins()).flatMap((plugin) => Object.values(plugin).filter(Array.isArray).flat() as unknown[])));
/** Of a type that is still being written there is none: it is not asked for. */
export const typeDoc = (type: string) => once<PluginDoc>(`doc ${type}`, async () => {
  if (!(await knownTypes()).has(type)) throw new Error(`There is no type ${type}.`);
  return getPluginDoc(type);
});
export const inputTypes = () => once<{ type: string }[]>("inputs", () => get("/plugins/inputs"));
export const inputDoc = (type: string) => once<PluginDoc>(`input ${type}`, () => get(`/plugins/inputs/${at(type)}`));
