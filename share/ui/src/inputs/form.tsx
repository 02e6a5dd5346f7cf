// SPDX-License-Identifier: Apache-2.0
// Inputs as fields, checked by the server while one writes: which are asked for now (dependsOn and conditions), and what is wrong.
import { useEffect, useRef, useState } from "react";
import { Input, InputsCheck, InputState } from "../api/types";
import { Markdown } from "../ui/markdown";
import { Control } from "./control";
import { clearedOf, formOf, isRequired, shownText, Values } from "./values";

export type Check = (form: FormData, cleared: string[]) => Promise<InputsCheck>;

/** What the server makes of the values, a moment after the last key; the last answer that came holds. */
export function useInputsCheck(inputs: Input[], values: Values, check: Check): { states: Map<string, InputState>; error?: Error } {
  const [answer, setAnswer] = useState<{ states: Map<string, InputState>; error?: Error }>({ states: new Map() });
  const round = useRef(0);
  useEffect(() => {
    if (!inputs.length) return undefined;
    const timer = setTimeout(() => {
      const mine = ++round.current;
      check(formOf(inputs, values, false), clearedOf(inputs, values)).then(
        (found) => { if (mine === round.current) setAnswer({ states: new Map(found.inputs.map((one) => [one.input.id, one])) }); },
        (error: Error) => { if (mine === round.current) setAnswer((old) => ({ ...old, error })); },
      );
    }, Object.keys(values).length ? 250 : 0);
    return () => clearTimeout(timer);
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [inputs, values]);
  return answer;
}

const messages = (state?: InputState): string[] => (state?.errors ?? []).map((one) => (typeof one === "string" ? one : one.message));
/** "Invalid input for `a`, it must …" stands at the field already: what it must. */
const shortMessage = (text: string) => text.replace(/^Invalid input for `[^`]*`, /, "").replace(/, but received `[\s\S]*$/, "");

function Field({ input, state, values, touched, onChange }: { input: Input; state?: InputState; values: Values; touched: boolean; onChange: (value: string | File) => void }) {
  const id = `input-${input.id}`, given = values[input.id];
  const missing = given instanceof File ? [] : messages(state);
  const shown = touched ? missing : missing.filter((text) => !/missing required/.test(text));
  return (
    <div className="field">
      <label htmlFor={id}>{input.displayName ?? input.id} <span className="quiet">{input.type}{isRequired(input) ? " · required" : ""}</span></label>
      <Control id={id} input={{ ...input, ...state?.input }} value={shownText(input, values, state?.value)} file={given instanceof File ? given : undefined}
               invalid={shown.length > 0} describedBy={`${id}-about`} onChange={onChange} />
      <div id={`${id}-about`}>
        {shown.map((text) => <p key={text} className="field-error">{shortMessage(text)}</p>)}
        {input.description && <div className="quiet"><Markdown text={input.description} /></div>}
      </div>
    </div>
  );
}

interface FormProps { inputs: Input[]; values: Values; states: Map<string, InputState>; onChange: (values: Values) => void; all?: boolean }

/** `all`: also say of untouched fields what they lack. */
export function InputsForm({ inputs, values, states, onChange, all = false }: FormProps) {
  return (
    <div className="fields">
      {inputs.filter((input) => states.get(input.id)?.enabled ?? !input.dependsOn?.condition).map((input) => (
        <Field key={input.id} input={input} state={states.get(input.id)} values={values} touched={all || values[input.id] !== undefined}
               onChange={(value) => onChange({ ...values, [input.id]: value })} />
      ))}
    </div>
  );
}

/** Ids of the inputs that keep the form from being sent. */
export const wrongInputs = (values: Values, states: Map<string, InputState>): string[] =>
  [...states.values()].filter((state) => state.enabled && messages(state).length > 0 && !(values[state.input.id] instanceof File)).map((state) => state.input.id);
