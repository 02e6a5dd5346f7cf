// SPDX-License-Identifier: Apache-2.0
// One trigger: its state, its declaration, and what can be done with it.
import { useState } from "react";
import { getFlow } from "../../api/flows";
import { backfillVerb, changeTrigger, restartTrigger, unlockTrigger } from "../../api/others";
import { Flow, Trigger, TriggerState } from "../../api/types";
import { Fact, When } from "../../ui/basics";
import { Dialog } from "../../ui/dialog";
import { useAction } from "../../ui/load";
import { toast } from "../../ui/toast";
import { BackfillDialog } from "../flow/backfill";

interface DetailProps { trigger: Trigger; onClose: () => void; onDone: () => void }

function Backfill({ state }: { state: TriggerState }) {
  const backfill = state.backfill;
  if (!backfill) return null;
  const start = Date.parse(backfill.start), end = Date.parse(backfill.end ?? new Date().toISOString()), now = Date.parse(backfill.currentDate ?? backfill.start);
  return (
    <p><label>Backfill <When date={backfill.start} /> to <When date={backfill.end} />{" "}
      <progress value={Math.min(1, Math.max(0, (now - start) / Math.max(1, end - start)))} /></label>{backfill.paused && <span className="tag">paused</span>}</p>
  );
}

function Actions({ trigger: { abstractTrigger: source, triggerContext: state }, onDone, onBackfill }: DetailProps & { onBackfill: (flow: Flow) => void }) {
  const action = useAction();
  const act = (said: string, what: (state: TriggerState) => Promise<unknown>) => action.run(async () => { await what(state); toast(`${state.triggerId}: ${said}`); onDone(); });
  const off = state.disabled;
  return (
    <>
      {action.error && <p className="failure" role="alert">{action.error.message}</p>}
      <div className="bar">
        {!source?.disabled && <button type="button" disabled={action.busy} onClick={() => act(off ? "enabled" : "disabled", (one) => changeTrigger({ ...one, disabled: !off }))}>{off ? "Enable" : "Disable"}</button>}
        {(state.executionId || state.evaluateRunningDate) && <button type="button" disabled={action.busy} onClick={() => act("unlocked", unlockTrigger)}>Unlock</button>}
        {state.evaluateRunningDate && <button type="button" disabled={action.busy} onClick={() => act("restarted", restartTrigger)}>Restart</button>}
        {source?.cron && !state.backfill && <button type="button" disabled={action.busy || off} onClick={() => action.run(async () => onBackfill(await getFlow(state.namespace, state.flowId)))}>Backfill …</button>}
        {state.backfill && <button type="button" disabled={action.busy} onClick={() => act("backfill", (one) => backfillVerb(state.backfill?.paused ? "unpause" : "pause", one))}>{state.backfill.paused ? "Continue" : "Pause"} backfill</button>}
        {state.backfill && <button type="button" className="danger" disabled={action.busy} onClick={() => act("backfill deleted", (one) => backfillVerb("delete", one))}>Delete backfill</button>}
      </div>
    </>
  );
}

export function TriggerDialog(props: DetailProps) {
  const { abstractTrigger: source, triggerContext: state } = props.trigger;
  const [flow, setFlow] = useState<Flow>();
  if (flow) return <BackfillDialog flow={flow} state={state} onClose={() => setFlow(undefined)} onDone={props.onDone} />;
  return (
    <Dialog title={state.triggerId} wide onClose={props.onClose}>
      <dl className="facts">
        <Fact name="Flow">{state.namespace}.{state.flowId}</Fact>
        <Fact name="Next"><When date={state.nextExecutionDate} /></Fact>
        <Fact name="Last"><When date={state.date} /></Fact>
        {state.executionId && <Fact name="Runs"><span className="mono">{state.executionId}</span></Fact>}
        {state.evaluateRunningDate && <Fact name="Evaluated since"><When date={state.evaluateRunningDate} /></Fact>}
        {state.workerId && <Fact name="Worker"><span className="mono">{state.workerId}</span></Fact>}
        <Fact name="State">{state.disabled || source?.disabled ? "disabled" : "enabled"}</Fact>
      </dl>
      <Backfill state={state} />
      <h3>Declaration</h3>
      <pre className="json" tabIndex={0}>{JSON.stringify(source ?? {}, null, 2)}</pre>
      <Actions {...props} onBackfill={setFlow} />
    </Dialog>
  );
}
