// SPDX-License-Identifier: Apache-2.0
// What is done to many executions: those that are chosen, or all that the filters name; said before it is done.
import { useState } from "react";
import { BulkVerb, changeStateByIds, executionsByIds, executionsByQuery, setLabelsByIds } from "../../api/executions";
import { Query } from "../../api/client";
import { BulkAnswer, Label, StateName } from "../../api/types";
import { Dialog } from "../../ui/dialog";
import { useAction } from "../../ui/load";
import { Command, Menu } from "../../ui/menu";
import { plural } from "../../ui/text";
import { toast } from "../../ui/toast";

const verbs: { verb: BulkVerb; label: string; danger?: boolean; byIdsOnly?: boolean }[] = [
  { verb: "restart", label: "Restart" },
  { verb: "replay", label: "Replay" },
  { verb: "resume", label: "Resume" },
  { verb: "pause", label: "Pause" },
  { verb: "unqueue", label: "Unqueue" },
  { verb: "force-run", label: "Force run" },
  { verb: "kill", label: "Kill", danger: true },
  { verb: "delete", label: "Delete", danger: true },
];

interface Wanted { label: string; danger?: boolean; field?: "labels" | "state"; run: (value: string) => Promise<BulkAnswer> }

const readLabels = (text: string): Label[] => text.split(/[\n,]/).map((line) => line.trim()).filter(Boolean).map((line) => {
  const colon = line.indexOf(":");
  return { key: line.slice(0, colon < 0 ? undefined : colon).trim(), value: colon < 0 ? "" : line.slice(colon + 1).trim() };
});

function Ask({ wanted, count, onClose, onDone }: { wanted: Wanted; count: number; onClose: () => void; onDone: () => void }) {
  const action = useAction();
  const [value, setValue] = useState(wanted.field === "state" ? "SUCCESS" : "");
  const submit = () => action.run(async () => {
    const answer = await wanted.run(value);
    toast(`${wanted.label}: ${plural(answer?.count ?? count, "execution")}`);
    onDone();
  });
  return (
    <Dialog title={`${wanted.label} ${plural(count, "execution")}?`} submit={wanted.label} danger={wanted.danger} action={action} onClose={onClose} onSubmit={submit}>
      {wanted.field === "labels" && (
        <label className="field">Labels, one a line as key:value<textarea rows={4} value={value} onChange={(event) => setValue(event.target.value)} /></label>
      )}
      {wanted.field === "state" && (
        <label className="field">New state
          <select value={value} onChange={(event) => setValue(event.target.value)}>
            {["SUCCESS", "WARNING", "FAILED", "KILLED", "CANCELLED"].map((state) => <option key={state}>{state}</option>)}
          </select>
        </label>
      )}
      <p className="quiet">Those whose state does not allow it are refused by the server, and named.</p>
    </Dialog>
  );
}

export function BulkBar({ chosen, total, query, onDone }: { chosen: Set<string>; total: number; query: Query; onDone: () => void }) {
  const [all, setAll] = useState(false);
  const [wanted, setWanted] = useState<Wanted>();
  if (!chosen.size) return null;
  const ids = [...chosen], count = all ? total : ids.length;
  const commands: Command[] = verbs.map(({ verb, label, danger }) => ({
    label, danger, run: () => setWanted({ label, danger, run: () => (all ? executionsByQuery(verb, query) : executionsByIds(verb, ids)) }),
  }));
  const onlyChosen = all ? "only for those that are chosen one by one" : undefined;
  commands.push(
    { label: "Set labels", refused: onlyChosen, run: () => setWanted({ label: "Set labels", field: "labels", run: (text) => setLabelsByIds(ids, readLabels(text)) }) },
    { label: "Change state", refused: onlyChosen, run: () => setWanted({ label: "Change state", field: "state", run: (state) => changeStateByIds(ids, state as StateName) }) },
  );
  return (
    <div className="bulk" role="region" aria-label="Chosen executions">
      <span>{plural(count, "execution")} chosen</span>
      {total > ids.length && <label><input type="checkbox" checked={all} onChange={(event) => setAll(event.target.checked)} /> all {total.toLocaleString()} that match</label>}
      <Menu label="Do …" className="primary" commands={commands} />
      <button type="button" onClick={onDone}>Choose none</button>
      {wanted && <Ask wanted={wanted} count={count} onClose={() => setWanted(undefined)} onDone={() => { setWanted(undefined); onDone(); }} />}
    </div>
  );
}
