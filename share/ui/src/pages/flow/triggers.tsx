// SPDX-License-Identifier: Apache-2.0
// The triggers of a flow: when they start it, what they do now, and backfills.
import { useState } from "react";
import { backfillVerb, changeTrigger, triggersOfFlow, unlockTrigger } from "../../api/others";
import { webhookAddress } from "../../api/executions-start";
import { Backfill, Flow, TriggerSource, TriggerState } from "../../api/types";
import { Link } from "../../app/router";
import { Copy, Empty, Fact, Failure, Loading, Relative, Stale, When } from "../../ui/basics";
import { confirm } from "../../ui/dialog";
import { useLoad } from "../../ui/load";
import { Markdown } from "../../ui/markdown";
import { shortType } from "../../ui/text";
import { telling } from "../../ui/toast";
import type { TabProps } from ".";
import { BackfillDialog } from "./backfill";
import { Trigger } from "./trigger-words";

function BackfillProgress({ state, backfill, done }: { state: TriggerState; backfill: Backfill; done: () => void }) {
  const start = Date.parse(backfill.start), end = Date.parse(backfill.end ?? new Date().toISOString()), current = Date.parse(backfill.currentDate ?? backfill.start);
  const part = Math.min(1, Math.max(0, (current - start) / Math.max(1, end - start)));
  const act = (verb: "pause" | "unpause" | "delete", said: string) => telling(said, () => backfillVerb(verb, state)).then(done);
  const remove = async () => {
    if (await confirm("Delete the backfill?", <p>Dates that are not started yet are left out. Executions that it has started go on.</p>, "Delete")) void act("delete", "The backfill is deleted");
  };
  return (
    <div className="backfill">
      <label>Backfill <When date={backfill.start} /> to <When date={backfill.end} /> {backfill.paused && <span className="tag">paused</span>}
        <progress value={part}>{Math.round(part * 100)} %</progress> {Math.round(part * 100)} %</label>
      <span className="quiet">at <When date={backfill.currentDate} /></span>
      {backfill.paused ? <button type="button" onClick={() => void act("unpause", "The backfill goes on")}>Continue</button> : <button type="button" onClick={() => void act("pause", "The backfill is paused")}>Pause</button>}
      <button type="button" className="danger" onClick={() => void remove()}>Delete</button>
    </div>
  );
}

/** Next and last date, what runs. Webhooks and Flow triggers have no state: they wait for what comes. */
function Facts({ flow, source, state }: { flow: Flow; source: TriggerSource; state?: TriggerState }) {
  const address = source.type.endsWith(".Webhook") && typeof source.key === "string" ? webhookAddress(flow.namespace, flow.id, source.key) : undefined;
  return (
    <dl className="facts">
      <Fact name="Type"><span title={source.type}>{shortType(source.type)}</span></Fact>
      {source.cron && <Fact name="When"><Trigger source={source} /></Fact>}
      {state?.nextExecutionDate && <Fact name="Next"><When date={state.nextExecutionDate} /> <span className="quiet"><Relative date={state.nextExecutionDate} /></span></Fact>}
      {state?.date && <Fact name="Last"><When date={state.date} /></Fact>}
      {state?.executionId && <Fact name="Runs"><Link to={`executions/${flow.namespace}/${flow.id}/${state.executionId}`} className="mono">{state.executionId.slice(0, 8)}</Link></Fact>}
      {state?.evaluateRunningDate && <Fact name="Evaluated since"><When date={state.evaluateRunningDate} /></Fact>}
      {address && <Fact name="Address"><span className="mono">{address}</span> <Copy text={address} /></Fact>}
    </dl>
  );
}

function Card({ flow, source, state, done }: { flow: Flow; source: TriggerSource; state?: TriggerState; done: () => void }) {
  const [asking, setAsking] = useState(false);
  const off = source.disabled || state?.disabled;
  const act = (said: string, action: () => Promise<unknown>) => telling(said, action).then(done);
  const unlock = async (locked: TriggerState) => {
    if (await confirm(`Unlock ${source.id}?`, <p>It starts the next execution although one may still run.</p>, "Unlock")) void act("Unlocked", () => unlockTrigger(locked));
  };
  return (
    <section className="card" aria-label={source.id}>
      <div className="bar">
        <h2>{source.id} {off && <span className="tag">{source.disabled ? "disabled in the source" : "disabled"}</span>}</h2>
        {state && source.cron && !state.backfill && <button type="button" disabled={off} onClick={() => setAsking(true)}>Backfill …</button>}
        {state && (state.executionId || state.evaluateRunningDate) && <button type="button" onClick={() => void unlock(state)}>Unlock</button>}
        {state && !source.disabled && <button type="button" onClick={() => void act(off ? "Enabled" : "Disabled", () => changeTrigger({ ...state, disabled: !state.disabled }))}>{off ? "Enable" : "Disable"}</button>}
      </div>
      {typeof source.description === "string" && <Markdown text={source.description} />}
      <Facts flow={flow} source={source} state={state} />
      {state?.backfill && <BackfillProgress state={state} backfill={state.backfill} done={done} />}
      {asking && state && <BackfillDialog flow={flow} state={state} onClose={() => setAsking(false)} onDone={done} />}
    </section>
  );
}

export default function Triggers({ flow }: TabProps) {
  const { data, error, at, reload } = useLoad(`triggers ${flow.namespace}/${flow.id}`, () => triggersOfFlow(flow.namespace, flow.id, { size: 100, page: 1 }), 3000);
  if (!flow.triggers?.length) return <Empty>No trigger starts this flow: it runs when somebody, or another flow, executes it.</Empty>;
  if (!data) return error ? <Failure error={error} /> : <Loading />;
  return (
    <>
      <Stale error={error} at={at} />
      {flow.triggers.map((source) => <Card key={source.id} flow={flow} source={source} state={data.results.find((one) => one.triggerId === source.id)} done={reload} />)}
    </>
  );
}
