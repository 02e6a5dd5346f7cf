// SPDX-License-Identifier: Apache-2.0
// Which columns of a list are shown: kept in the browser, as "executions:state,id;logs:time".
import { setPreference, usePreference } from "../app/preferences";
import { Column } from "./table";

interface Choice { options: { name: string; title: string; shown: boolean }[]; toggle: (name: string) => void; reset: () => void }

const read = (text: string) => new Map(text.split(";").filter(Boolean).map((part) => [part.split(":")[0], (part.split(":")[1] ?? "").split(",").filter(Boolean)] as const));

export function useColumns<T>(list: string, columns: Column<T>[]): [Column<T>[], Choice] {
  const all = read(usePreference("columns"));
  const chosen = all.get(list) ?? columns.filter(({ optional }) => !optional).map(({ name }) => name);
  const write = (names?: string[]) => {
    if (names) all.set(list, names);
    else all.delete(list);
    setPreference("columns", [...all].map(([key, value]) => `${key}:${value.join(",")}`).join(";"));
  };
  const toggle = (name: string) => {
    const next = chosen.includes(name) ? chosen.filter((one) => one !== name) : [...chosen, name];
    if (next.length) write(next); // a table without a column says nothing
  };
  const options = columns.map(({ name, title }) => ({ name, title, shown: chosen.includes(name) }));
  return [columns.filter(({ name }) => chosen.includes(name)), { options, toggle, reset: () => write() }];
}

export const ChosenColumns = ({ options, toggle, reset }: Choice) => (
  <details className="columns">
    <summary>Columns</summary>
    <fieldset>
      <legend className="hidden">Columns</legend>
      {options.map(({ name, title, shown }) => <label key={name}><input type="checkbox" checked={shown} onChange={() => toggle(name)} /> {title}</label>)}
      <button type="button" className="small" onClick={reset}>As they were</button>
    </fieldset>
  </details>
);
