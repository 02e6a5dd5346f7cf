// SPDX-License-Identifier: Apache-2.0
// Ctrl-K: sections, flows and executions by a few letters.
import { KeyboardEvent, useState } from "react";
import { getExecution } from "../api/executions";
import { searchFlows } from "../api/flows";
import { Dialog } from "../ui/dialog";
import { useLoad } from "../ui/load";
import { navigate } from "./router";
import { sections } from "./shell";

interface Target { to: string; title: string; kind: string }

const idPattern = /^[0-9A-Za-z]{20,22}$/;

async function targetsOf(text: string): Promise<Target[]> {
  const words = text.trim().toLowerCase();
  const found: Target[] = sections.filter(({ title }) => title.toLowerCase().includes(words)).map(({ name, title }) => ({ to: name, title, kind: "page" }));
  if (!words) return found;
  const flows = await searchFlows({ q: text.trim(), size: 10, page: 1, sort: "id:asc" });
  flows.results.forEach(({ namespace, id }) => found.push({ to: `flows/${namespace}/${id}`, title: `${namespace} / ${id}`, kind: "flow" }));
  if (idPattern.test(text.trim())) {
    const execution = await getExecution(text.trim()).catch(() => undefined); // it may be no execution's id
    if (execution) found.unshift({ to: `executions/${execution.namespace}/${execution.flowId}/${execution.id}`, title: execution.id, kind: "execution" });
  }
  return found;
}

export function JumpTo({ onClose }: { onClose: () => void }) {
  const [text, setText] = useState("");
  const [index, setIndex] = useState(0);
  const { data = [] } = useLoad(`jump ${text}`, () => targetsOf(text));
  const jump = (target?: Target) => {
    if (!target) return;
    onClose();
    navigate(target.to);
  };
  const onKey = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      setIndex((index + step + data.length) % Math.max(1, data.length));
    } else if (event.key === "Enter") {
      event.preventDefault();
      jump(data[index]);
    }
  };
  return (
    <Dialog title="Jump to" onClose={onClose}>
      <input type="search" autoFocus role="combobox" aria-expanded="true" aria-controls="jump-targets" aria-activedescendant={`jump-${index}`}
             aria-label="Page, flow or execution" placeholder="Page, flow, or the id of an execution" value={text}
             onChange={(event) => { setText(event.target.value); setIndex(0); }} onKeyDown={onKey} />
      <ul id="jump-targets" className="targets" role="listbox" aria-label="Targets">
        {data.map((target, at) => (
          <li key={target.to} id={`jump-${at}`} role="option" aria-selected={at === index} onClick={() => jump(target)} onPointerEnter={() => setIndex(at)}>
            {target.title} <span className="quiet">{target.kind}</span>
          </li>
        ))}
      </ul>
    </Dialog>
  );
}
