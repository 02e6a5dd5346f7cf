// SPDX-License-Identifier: Apache-2.0
import { changeTrigger, restartTrigger, searchTriggers, unlockTrigger } from "../../api/others";
import { Trigger, TriggerState } from "../../api/types";
import { Link, useLocation } from "../../app/router";
import { PageHead } from "../../app/shell";
import { Empty, Failure, When } from "../../ui/basics";
import { SearchField } from "../../ui/filters";
import { useAction, useLoad } from "../../ui/load";
import { Pager, usePaging } from "../../ui/table";

/** What it does now, and what it waits for. */
function Now({ trigger: { abstractTrigger, triggerContext: state } }: { trigger: Trigger }) {
  if (state.disabled || abstractTrigger?.disabled) return <span className="tag">disabled</span>;
  if (state.executionId)
    return <>runs <Link to={`executions/${state.namespace}/${state.flowId}/${state.executionId}`} className="mono">{state.executionId.slice(0, 8)}</Link></>;
  if (state.evaluateRunningDate)
    return <span title={state.workerId && `by worker ${state.workerId}`}>evaluated since <When date={state.evaluateRunningDate} /></span>;
  return <span className="quiet">waits</span>;
}

function Row({ trigger, done }: { trigger: Trigger; done: () => void }) {
  const action = useAction();
  const { abstractTrigger, triggerContext: state } = trigger;
  const act = (what: (state: TriggerState) => Promise<TriggerState>) => action.run(() => what(state).then(done));
  return (
    <tr>
      <td data-label="Trigger">
        <span className="strong">{state.triggerId}</span>
        <div className="quiet clip">{abstractTrigger?.type.replace(/^.*\.(?=[^.]+\.[^.]+$)/, "")}</div>
      </td>
      <td data-label="Flow"><Link to={`flows/${state.namespace}/${state.flowId}`}>{state.namespace}.{state.flowId}</Link></td>
      <td data-label="Next"><When date={state.nextExecutionDate} /></td>
      <td data-label="Last"><When date={state.date} /></td>
      <td data-label="Now"><Now trigger={trigger} /><Failure error={action.error} /></td>
      <td className="buttons">
        {(state.executionId || state.evaluateRunningDate) && <><button disabled={action.busy} onClick={() => act(unlockTrigger)}>Unlock</button>{" "}</>}
        {state.evaluateRunningDate && <><button disabled={action.busy} onClick={() => act(restartTrigger)}>Restart</button>{" "}</>}
        {!abstractTrigger?.disabled && (
          <button disabled={action.busy} onClick={() => act((one) => changeTrigger({ ...one, disabled: !one.disabled }))}>{state.disabled ? "Enable" : "Disable"}</button>
        )}
      </td>
    </tr>
  );
}

export default function TriggersPage() {
  const { query } = useLocation();
  const q = query.get("q") ?? "";
  const { page, size } = usePaging();
  const { data, error, reload } = useLoad(`triggers|${q}|${page}|${size}`, () => searchTriggers({ q, page, size, sort: "nextExecutionDate:asc" }), 3000);
  return (
    <>
      <PageHead title="Triggers" text="Triggers" />
      <div className="bar"><SearchField label="Search triggers" /></div>
      <Failure error={error} />
      {data && data.results.length === 0 && <Empty>No trigger {q ? "matches" : "yet: schedules and polling triggers of flows are shown here"}.</Empty>}
      {data && data.results.length > 0 && (
        <>
          <table className="list">
            <thead><tr><th>Trigger</th><th>Flow</th><th>Next</th><th>Last</th><th>Now</th><th><span className="hidden">Actions</span></th></tr></thead>
            <tbody>
              {data.results.map((trigger) => {
                const { namespace, flowId, triggerId } = trigger.triggerContext;
                return <Row key={`${namespace}/${flowId}/${triggerId}`} trigger={trigger} done={reload} />;
              })}
            </tbody>
          </table>
          <Pager total={data.total} />
        </>
      )}
    </>
  );
}
