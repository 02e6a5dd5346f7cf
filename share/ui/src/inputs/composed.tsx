// SPDX-License-Identifier: Apache-2.0
// Controls of more than one part: durations, lists, sets, secrets.
import { useState } from "react";
import type { ControlProps } from "./control";
import { DurationParts, durationParts, durationText } from "./duration";

const parts: { name: keyof DurationParts; title: string }[] = [
  { name: "days", title: "days" }, { name: "hours", title: "hours" }, { name: "minutes", title: "minutes" }, { name: "seconds", title: "seconds" },
];

export function DurationControl({ id, input, value, invalid, describedBy, onChange }: ControlProps) {
  const split = durationParts(value);
  if (!split) return <input id={id} aria-invalid={invalid} aria-describedby={describedBy} placeholder="PT1H30M" value={value} onChange={(event) => onChange(event.target.value)} />;
  return (
    <span className="choices" role="group" id={id} aria-label={input.displayName ?? input.id} aria-describedby={describedBy}>
      {parts.map(({ name, title }) => (
        <label key={name}>
          <input type="number" min="0" step={name === "seconds" ? "any" : "1"} aria-invalid={invalid} value={split[name]}
                 onChange={(event) => onChange(durationText({ ...split, [name]: event.target.value }))} /> {title}
        </label>
      ))}
    </span>
  );
}

/** The elements of a JSON list, as texts; undefined when the text is none. */
export function elementsOf(value: string): string[] | undefined {
  if (!value) return [];
  try {
    const read: unknown = JSON.parse(value);
    return Array.isArray(read) ? read.map((one) => (typeof one === "string" ? one : JSON.stringify(one))) : undefined;
  } catch {
    return undefined; // it is being written: shown as a text
  }
}

const bare = new Set(["INT", "FLOAT", "BOOLEAN", "BOOL", "JSON"]);
export function listText(elements: string[], itemType = "STRING"): string {
  return `[${elements.map((one) => {
    if (!bare.has(itemType)) return JSON.stringify(one);
    try {
      return JSON.stringify(JSON.parse(one));
    } catch {
      return JSON.stringify(one); // the server says what is wrong with it
    }
  }).join(",")}]`;
}

export function ListControl({ id, input, value, invalid, describedBy, onChange }: ControlProps) {
  const elements = elementsOf(value);
  if (!elements) return <textarea id={id} className="mono" rows={3} aria-invalid={invalid} aria-describedby={describedBy} value={value} onChange={(event) => onChange(event.target.value)} />;
  const change = (next: string[]) => onChange(next.length ? listText(next, input.itemType) : "");
  return (
    <span className="elements" role="group" id={id} aria-label={input.displayName ?? input.id} aria-describedby={describedBy}>
      {elements.map((element, index) => (
        <span key={index}>
          <input aria-label={`Element ${index + 1} of ${input.id}`} aria-invalid={invalid} value={element} onChange={(event) => change(elements.map((one, at) => (at === index ? event.target.value : one)))} />
          <button type="button" aria-label={`Remove element ${index + 1}`} onClick={() => change(elements.filter((_, at) => at !== index))}>✕</button>
        </span>
      ))}
      <button type="button" onClick={() => change([...elements, ""])}>Add an element{input.itemType ? ` (${input.itemType})` : ""}</button>
    </span>
  );
}

/** Check boxes, sent as a JSON list. */
export function ManyControl(props: ControlProps) {
  const chosen = elementsOf(props.value) ?? [];
  const [custom, setCustom] = useState("");
  const values = [...new Set([...(props.input.values ?? []), ...chosen])];
  const change = (next: string[]) => props.onChange(next.length ? JSON.stringify(values.filter((one) => next.includes(one)).concat(next.filter((one) => !values.includes(one)))) : "");
  return (
    <span className="choices" role="group" id={props.id} aria-label={props.input.displayName ?? props.input.id} aria-describedby={props.describedBy}>
      {values.map((value) => (
        <label key={value}>
          <input type="checkbox" checked={chosen.includes(value)} onChange={(event) => change(event.target.checked ? [...chosen, value] : chosen.filter((one) => one !== value))} /> {value}
        </label>
      ))}
      {props.input.allowCustomValue && (
        <span className="elements"><span>
          <input aria-label={`Another value of ${props.input.id}`} placeholder="Another value" value={custom} onChange={(event) => setCustom(event.target.value)} />
          <button type="button" disabled={!custom} onClick={() => { change([...chosen, custom]); setCustom(""); }}>Add</button>
        </span></span>
      )}
    </span>
  );
}

export function SecretControl({ id, value, invalid, describedBy, onChange }: ControlProps) {
  const [shown, setShown] = useState(false);
  return (
    <span className="elements"><span>
      <input id={id} type={shown ? "text" : "password"} autoComplete="new-password" aria-invalid={invalid} aria-describedby={describedBy} value={value} onChange={(event) => onChange(event.target.value)} />
      <button type="button" aria-pressed={shown} onClick={() => setShown(!shown)}>{shown ? "Hide" : "Show"}</button>
    </span></span>
  );
}
