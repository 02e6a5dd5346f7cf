// SPDX-License-Identifier: Apache-2.0
// What can be done with an execution, and why something cannot be done now.
import { ComponentType, useState } from "react";
import { forceRunExecution, killExecution, pauseExecution, unqueueExecution } from "../../api/executions";
import { Execution, isTerminal, StateName } from "../../api/types";
import { confirm } from "../../ui/dialog";
import { Menu } from "../../ui/menu";
import { telling } from "../../ui/toast";
import { AskProps, DeleteDialog, LabelsDialog, ReplayDialog, RestartDialog, StateDialog } from "./dialogs";
import { ResumeDialog } from "./resume";

interface ActionRow {
  label: string;
  danger?: boolean;
  /** Why not, in this state. */
  refused?: (state: StateName) => string | undefined;
  /** A dialog that does it, … */
  dialog?: ComponentType<AskProps>;
  /** … or a question, and what is done after a yes. */
  question?: string;
  text?: string;
  done?: string;
  run?: (id: string) => Promise<unknown>;
}

const hasEnded = (state: StateName) => (isTerminal(state) ? "It has ended" : undefined);
const stillRuns = (state: StateName) => (isTerminal(state) ? undefined : "Only after it has ended");
const onlyIn = (wanted: StateName) => (state: StateName) => (state === wanted ? undefined : `Only while it is ${wanted}`);

export const actions: ActionRow[] = [
  { label: "Resume", dialog: ResumeDialog, refused: onlyIn("PAUSED") },
  { label: "Pause", refused: onlyIn("RUNNING"), question: "Pause this execution?", text: "Tasks that run now end; no further one starts until it is resumed.", done: "Paused", run: pauseExecution },
  { label: "Restart", dialog: RestartDialog, refused: (state) => (isTerminal(state) || state === "PAUSED" ? (state === "SUCCESS" ? "It succeeded: nothing is left to do; replay it" : undefined) : "Only after it has ended, or while it is PAUSED") },
  { label: "Replay", dialog: ReplayDialog, refused: stillRuns },
  { label: "Change state", dialog: StateDialog, refused: stillRuns },
  { label: "Set labels", dialog: LabelsDialog, refused: stillRuns },
  { label: "Unqueue", refused: onlyIn("QUEUED"), question: "Run it now, over the concurrency limit?", done: "Unqueued", run: unqueueExecution },
  { label: "Force run", refused: hasEnded, question: "Force it to run?", text: "It runs whatever it waits for: a limit, a date, a pause.", done: "Forced to run", run: forceRunExecution },
  { label: "Kill", danger: true, refused: (state) => (state === "KILLING" ? "It is being killed" : hasEnded(state)), question: "Kill this execution?", text: "Tasks that run are stopped, and so are the subflows that it has started.", done: "It is being killed", run: (id) => killExecution(id) },
  { label: "Delete", danger: true, dialog: DeleteDialog },
];

/** What most want in a state stands beside the menu. */
const foremost = (state: StateName) => {
  if (state === "PAUSED") return "Resume";
  if (state === "FAILED" || state === "KILLED") return "Restart";
  if (state === "QUEUED") return "Unqueue";
  return isTerminal(state) ? "Replay" : "Kill";
};

export function Actions({ execution, reload }: { execution: Execution; reload: () => void }) {
  const [asked, setAsked] = useState<ComponentType<AskProps>>();
  const state = execution.state.current, first = actions.find(({ label }) => label === foremost(state));
  const start = async (row: ActionRow) => {
    if (row.dialog) setAsked(() => row.dialog);
    else if (row.run && await confirm(row.question ?? row.label, row.text && <p>{row.text}</p>, row.label))
      if (await telling(row.done ?? row.label, () => row.run?.(execution.id) ?? Promise.resolve())) reload();
  };
  const commands = actions.map((row) => ({ label: row.label, danger: row.danger, refused: row.refused?.(state), run: () => void start(row) }));
  const Asked = asked;
  return (
    <>
      {first && !first.refused?.(state) && <button type="button" className={first.danger ? "danger" : "primary"} onClick={() => void start(first)}>{first.label}</button>}
      <Menu label="Actions" commands={commands} />
      {Asked && <Asked execution={execution} reload={reload} onClose={() => setAsked(undefined)} />}
    </>
  );
}
