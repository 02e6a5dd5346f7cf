// SPDX-License-Identifier: Apache-2.0
// What is done to many triggers at once.
import { backfillsVerb, disableTriggers, unlockTriggers } from "../../api/others";
import { BulkAnswer, TriggerState } from "../../api/types";
import { confirm } from "../../ui/dialog";
import { plural } from "../../ui/text";
import { toast } from "../../ui/toast";

export const triggerKey = ({ namespace, flowId, triggerId }: TriggerState) => `${namespace}/${flowId}/${triggerId}`;

export function BulkBar({ states, onDone }: { states: TriggerState[]; onDone: () => void }) {
  if (!states.length) return null;
  const act = async (done: string, action: () => Promise<BulkAnswer>, question?: string) => {
    if (question && !(await confirm(`${question} ${plural(states.length, "trigger")}?`, <p>Those that have none are left as they are.</p>, question))) return;
    await action().then((answer) => { toast(`${plural(answer?.count ?? states.length, "trigger")} ${done}`); onDone(); }, (error: Error) => toast(error.message, true));
  };
  return (
    <div className="bulk" role="region" aria-label="Chosen triggers">
      <span>{plural(states.length, "trigger")} chosen</span>
      <button type="button" onClick={() => void act("enabled", () => disableTriggers(states, false))}>Enable</button>
      <button type="button" onClick={() => void act("disabled", () => disableTriggers(states, true))}>Disable</button>
      <button type="button" onClick={() => void act("unlocked", () => unlockTriggers(states), "Unlock")}>Unlock</button>
      <button type="button" onClick={() => void act("paused in their backfill", () => backfillsVerb("pause", states))}>Pause backfills</button>
      <button type="button" className="danger" onClick={() => void act("without backfill", () => backfillsVerb("delete", states), "Delete backfills of")}>Delete backfills</button>
      <button type="button" onClick={onDone}>Choose none</button>
    </div>
  );
}
