// SPDX-License-Identifier: Apache-2.0
// The revisions of a flow, any two side by side, and the way back to one of them.
import { useMemo } from "react";
import { getRevisions, updateFlow } from "../../api/flows";
import { Flow } from "../../api/types";
import { navigate, useLocation, withQuery } from "../../app/router";
import { Empty, Failure, Loading } from "../../ui/basics";
import { confirm } from "../../ui/dialog";
import { useLoad } from "../../ui/load";
import { telling } from "../../ui/toast";
import type { TabProps } from ".";
import { diffLines, DiffRow } from "./diff";

/** Equal lines far from a change are folded away. */
const around = 3;
function withContext(rows: DiffRow[]): (DiffRow | number)[] {
  const near = new Set<number>();
  rows.forEach((row, index) => { if (!row.same) for (let i = index - around; i <= index + around; i++) near.add(i); });
  const shown: (DiffRow | number)[] = [];
  rows.forEach((row, index) => {
    if (near.has(index)) shown.push(row);
    else if (typeof shown[shown.length - 1] === "number") (shown[shown.length - 1] as number)++;
    else shown.push(1);
  });
  return shown;
}

export function Diff({ before, after, names }: { before: string; after: string; names: [string, string] }) {
  const rows = useMemo(() => withContext(diffLines(before, after)), [before, after]);
  if (before === after) return <Empty>{names[0]} and {names[1]} have the same text.</Empty>;
  return (
    <div className="scroll diff" tabIndex={0} role="region" aria-label={`${names[0]} beside ${names[1]}`}>
      <table>
        <colgroup><col className="line" /><col /><col className="line" /><col /></colgroup>
        <thead><tr><th scope="col" colSpan={2}>{names[0]}</th><th scope="col" colSpan={2}>{names[1]}</th></tr></thead>
        <tbody>{rows.map((row, index) => (typeof row === "number" ? <tr key={index} className="folded"><td colSpan={4}>{row} equal {row === 1 ? "line" : "lines"}</td></tr> : (
          <tr key={index}>
            <td className="line">{row.leftLine}</td>
            <td className={row.same ? undefined : row.left === undefined ? "none" : "removed"}>{!row.same && row.left !== undefined && <span className="hidden">removed: </span>}{row.left}</td>
            <td className="line">{row.rightLine}</td>
            <td className={row.same ? undefined : row.right === undefined ? "none" : "added"}>{!row.same && row.right !== undefined && <span className="hidden">added: </span>}{row.right}</td>
          </tr>
        )))}</tbody>
      </table>
    </div>
  );
}

function Choice({ label, value, revisions, onChange }: { label: string; value: number; revisions: Flow[]; onChange: (revision: string) => void }) {
  return (
    <label>{label} <select value={value} onChange={(event) => onChange(event.target.value)}>
      {[...revisions].reverse().map((one) => <option key={one.revision} value={one.revision}>Revision {one.revision}{one.deleted ? " (deleted)" : ""}</option>)}
    </select></label>
  );
}

export default function Revisions({ flow, file, reload }: TabProps) {
  const location = useLocation(), { query } = location;
  const { namespace, id, revision } = flow;
  const { data, error } = useLoad(`revisions ${namespace}/${id} ${revision}`, () => getRevisions(namespace, id));
  if (!data) return error ? <Failure error={error} /> : <Loading />;
  const has = (number: number) => data.some((one) => one.revision === number);
  const number = (name: string, fallback: number) => (has(Number(query.get(name))) ? Number(query.get(name)) : fallback);
  const right = number("right", revision), left = number("left", has(right - 1) ? right - 1 : right);
  const textOf = (wanted: number) => data.find((one) => one.revision === wanted)?.source ?? "";
  const set = (name: string) => (value: string) => navigate(withQuery(location, { [name]: value }), true);
  const restore = async (wanted: number) => {
    if (await confirm(`Restore revision ${wanted}?`, <p>Its text becomes revision {revision + 1}; nothing is lost.</p>, "Restore")
      && await telling(`Revision ${wanted} is restored`, () => updateFlow(namespace, id, textOf(wanted)))) {
      reload();
      navigate(withQuery(location, { left: "", right: "" }), true);
    }
  };
  return (
    <>
      <div className="bar">
        <Choice label="From" value={left} revisions={data} onChange={set("left")} />
        <Choice label="to" value={right} revisions={data} onChange={set("right")} />
        {!file && [...new Set([left, right])].filter((one) => one !== revision).map((one) => <button type="button" key={one} onClick={() => void restore(one)}>Restore revision {one}</button>)}
      </div>
      {data.length < 2 ? <Empty>This is the only revision.</Empty> : <Diff before={textOf(left)} after={textOf(right)} names={[`Revision ${left}`, `Revision ${right}`]} />}
    </>
  );
}
