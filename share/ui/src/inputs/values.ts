// SPDX-License-Identifier: Apache-2.0
// What a form of inputs holds: texts as the API takes them. An input that was not touched is not sent, so that the flow's
// default holds; one that was cleared is named, so that the default does not come back.
import { Input } from "../api/types";

export type Values = Record<string, string | File | undefined>;

export const asText = (value: unknown): string =>
  value === undefined || value === null ? "" : typeof value === "object" ? JSON.stringify(value) : String(value);

/** What a field shows: what was given, else the default as the server rendered it, else as it is declared. */
export function shownText(input: Input, values: Values, rendered?: unknown): string {
  const given = values[input.id];
  if (given !== undefined) return given instanceof File ? given.name : given;
  return asText(rendered ?? input.defaults ?? input.prefill);
}

export const isRequired = (input: Input) => input.required !== false && (input.defaults === undefined || input.defaults === null);

/** As multipart: a file part's name is the input's id. `withFiles`: a check needs no content. */
export function formOf(inputs: Input[], values: Values, withFiles: boolean): FormData {
  const form = new FormData();
  for (const { id, prefill } of inputs) {
    const value = values[id] ?? (prefill === undefined || prefill === null ? undefined : asText(prefill));
    if (value instanceof File) {
      if (withFiles) form.append("files", value, id);
    } else if (value) form.append(id, value);
  }
  return form;
}

/** Those that had a default and were emptied. */
export const clearedOf = (inputs: Input[], values: Values): string[] =>
  inputs.filter((input) => values[input.id] === "" && input.defaults !== undefined && input.defaults !== null && asText(input.defaults) !== "").map(({ id }) => id);

/** The values of an earlier execution; files and secrets are not among what can be given again. */
export function valuesFrom(inputs: Input[], earlier: Record<string, unknown> = {}): Values {
  const values: Values = {};
  for (const input of inputs) {
    const value = earlier[input.id];
    if (value === undefined || value === null || input.type === "SECRET" || input.type === "FILE") continue;
    values[input.id] = input.type === "DURATION" && typeof value === "number" ? `PT${value}S` : asText(value);
  }
  return values;
}

const quote = (text: string) => `'${text.replace(/'/g, "'\\''")}'`;

/** The same call for a shell. Secrets are left to be filled in. */
export function curlOf(url: string, inputs: Input[], values: Values): string {
  const parts = inputs.flatMap((input) => {
    const value = values[input.id];
    if (value === undefined || value === "") return [];
    if (input.type === "SECRET") return [`-F "${input.id}=$SECRET"`];
    return [value instanceof File ? `-F ${quote(`files=@${value.name};filename=${input.id}`)}` : `--form-string ${quote(`${input.id}=${value}`)}`];
  });
  return ["curl -X POST", quote(url), ...(parts.length ? parts : ["-H 'Content-Type: multipart/form-data; boundary=none' --data-binary '--none--'"])].join(" \\\n  ");
}
