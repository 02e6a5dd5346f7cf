// SPDX-License-Identifier: Apache-2.0
// The control of an input, by its type. All hold the text that the API takes.
import { ChangeEvent, ReactElement } from "react";
import { Input } from "../api/types";
import { humanSize } from "../ui/text";
import { DurationControl, ListControl, ManyControl, SecretControl } from "./composed";

export interface ControlProps { id: string; input: Input; value: string; file?: File; invalid: boolean; describedBy: string; onChange: (value: string | File) => void }

/** Names and states that every control carries. */
export const common = ({ id, invalid, describedBy }: ControlProps) => ({ id, "aria-invalid": invalid, "aria-describedby": describedBy });
const text = (onChange: ControlProps["onChange"]) => (event: ChangeEvent<HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement>) => onChange(event.target.value);
const field = (type: string, more: object = {}) => function Field(props: ControlProps) {
  return <input {...common(props)} type={type} {...more} value={props.value} onChange={text(props.onChange)} />;
};

const NumberControl = (step: string) => function Field(props: ControlProps) {
  const { min, max } = props.input;
  return <input {...common(props)} type="number" step={step} min={min} max={max} value={props.value} onChange={text(props.onChange)} />;
};

const Area = (props: ControlProps) => (
  <textarea {...common(props)} className="mono" rows={Math.min(10, Math.max(3, props.value.split("\n").length))} spellCheck={false} value={props.value} onChange={text(props.onChange)} />
);

/** Three states: an input that may be left out is neither true nor false until one says so. */
function BooleanControl(props: ControlProps) {
  return (
    <span className="choices" role="radiogroup" id={props.id} aria-describedby={props.describedBy} aria-label={props.input.displayName ?? props.input.id}>
      {[["", "not set"], ["true", "true"], ["false", "false"]].map(([value, title]) => (
        <label key={value}><input type="radio" name={props.id} checked={props.value === value} onChange={() => props.onChange(value)} /> {title}</label>
      ))}
    </span>
  );
}

function SelectControl(props: ControlProps) {
  const values = props.input.values ?? [];
  if (props.input.allowCustomValue)
    return (
      <>
        <input {...common(props)} list={`${props.id}-values`} placeholder="Choose, or write another value" value={props.value} onChange={text(props.onChange)} />
        <datalist id={`${props.id}-values`}>{values.map((value) => <option key={value}>{value}</option>)}</datalist>
      </>
    );
  return (
    <select {...common(props)} value={props.value} onChange={text(props.onChange)}>
      <option value="" />{values.map((value) => <option key={value}>{value}</option>)}
      {props.value && !values.includes(props.value) && <option>{props.value}</option>}
    </select>
  );
}

/** The browser's picker speaks of the viewer's clock; the API is told the instant. */
function DateTimeControl(props: ControlProps) {
  const instant = props.value ? new Date(props.value) : undefined;
  const valid = instant && !Number.isNaN(instant.getTime());
  const local = valid ? new Date(instant.getTime() - instant.getTimezoneOffset() * 60000).toISOString().slice(0, 19) : "";
  return <input {...common(props)} type="datetime-local" step="1" value={local} onChange={(event) => props.onChange(event.target.value ? new Date(event.target.value).toISOString() : "")} />;
}

function FileControl(props: ControlProps) {
  return (
    <>
      <input {...common(props)} type="file" onChange={(event) => props.onChange(event.target.files?.[0] ?? "")} />
      {props.file && <span className="quiet">{props.file.name}, {humanSize(props.file.size)}</span>}
    </>
  );
}

const controls: Record<string, (props: ControlProps) => ReactElement> = {
  INT: NumberControl("1"), FLOAT: NumberControl("any"), BOOLEAN: BooleanControl, BOOL: BooleanControl,
  DATETIME: DateTimeControl, DATE: field("date"), TIME: field("time", { step: "1" }), DURATION: DurationControl,
  SELECT: SelectControl, ENUM: SelectControl, MULTISELECT: ManyControl, ARRAY: ListControl, JSON: Area, YAML: Area,
  URI: field("text", { inputMode: "url", placeholder: "https://…" }), EMAIL: field("email"), SECRET: SecretControl, FILE: FileControl, STRING: field("text"),
};

/** A type that is not known here is a text. */
export function Control(props: ControlProps) {
  const Shown = controls[props.input.type] ?? controls.STRING;
  return <Shown {...props} />;
}
