// SPDX-License-Identifier: Apache-2.0
// Everything that starts flows by itself: when, what it does now, and what can be done about it.
import { useState } from "react";
import { searchTriggers } from "../../api/others";
import { Trigger } from "../../api/types";
import { Link, useLocation } from "../../app/router";
import { PageHead } from "../../app/shell";
import { Failure, Loading, Relative, Stale, When } from "../../ui/basics";
import { cronWords } from "../../ui/cron";
import { Filter, filterQuery, Filters, SearchField } from "../../ui/filters";
import { useLoad } from "../../ui/load";
import { Column, NoRows, Pager, Table, usePaging } from "../../ui/table";
import { shortType } from "../../ui/text";
import { BulkBar, triggerKey } from "./bulk";
import { TriggerDialog } from "./details";

export const triggerFilters: Filter[] = [
  { name: "namespace", label: "Namespace", placeholder: "company.team" },
  { name: "flowId", label: "Flow", placeholder: "id of a flow" },
  { name: "workerId", label: "Worker", placeholder: "id of a worker" },
];

/** What it does now, and what it waits for. */
function Now({ trigger: { abstractTrigger, triggerContext: state } }: { trigger: Trigger }) {
  if (state.disabled || abstractTrigger?.disabled) return <span className="tag">disabled</span>;
  if (state.executionId) return <>runs <Link to={`executions/${state.namespace}/${state.flowId}/${state.executionId}`} className="mono">{state.executionId.slice(0, 8)}</Link></>;
  if (state.evaluateRunningDate) return <span title={state.workerId && `by worker ${state.workerId}`}>evaluated since <When date={state.evaluateRunningDate} /></span>;
  if (state.backfill) return <>backfill{state.backfill.paused ? " paused" : ""}</>;
  return <span className="quiet">waits</span>;
}

function Source({ trigger: { abstractTrigger: source } }: { trigger: Trigger }) {
  if (!source) return <span className="quiet">no longer in its flow</span>;
  return <span className="quiet"><span title={source.type}>{shortType(source.type)}</span>{source.cron && <> <code>{source.cron}</code>{cronWords(source.cron)}{source.timezone ? `, ${source.timezone}` : ""}</>}</span>;
}

const columns = (open: (key: string) => void): Column<Trigger>[] => [
  { name: "trigger", title: "Trigger", sort: "triggerId", cell: (one) => (
    <div><button type="button" className="plain strong" onClick={() => open(triggerKey(one.triggerContext))}>{one.triggerContext.triggerId}</button><div><Source trigger={one} /></div></div>
  ) },
  { name: "flow", title: "Flow", sort: "flowId", cell: ({ triggerContext: { namespace, flowId } }) => <Link to={`flows/${namespace}/${flowId}`}>{namespace}.{flowId}</Link> },
  { name: "next", title: "Next", sort: "nextExecutionDate", cell: ({ triggerContext: { nextExecutionDate: date } }) => <div><When date={date} /> {date && <span className="quiet"><Relative date={date} /></span>}</div> },
  { name: "last", title: "Last", cell: ({ triggerContext: { date } }) => <When date={date} /> },
  { name: "now", title: "Now", cell: (one) => <Now trigger={one} /> },
];

export function TriggerList({ fixed = {} }: { fixed?: Record<string, string> }) {
  const { query } = useLocation();
  const { page, size } = usePaging();
  const [chosen, setChosen] = useState(new Set<string>());
  const [opened, setOpened] = useState<string>();
  const filters = triggerFilters.filter(({ name }) => !(name in fixed));
  const sort = query.get("sort") ?? "nextExecutionDate:asc";
  const asked = { ...filterQuery(query, filters), q: query.get("q") ?? undefined, ...fixed };
  const { data, error, at, reload } = useLoad(JSON.stringify(["triggers", asked, sort, page, size]), () => searchTriggers({ ...asked, sort, page, size }), 3000);
  const shown = data?.results.find(({ triggerContext }) => triggerKey(triggerContext) === opened);
  const narrowed = Object.values(asked).some(Boolean);
  return (
    <>
      <div className="bar"><SearchField label="Search triggers" /><Filters filters={filters} /></div>
      {data ? <Stale error={error} at={at} /> : error ? <Failure error={error} /> : <Loading />}
      {data && !data.results.length && <NoRows>No trigger {narrowed ? "matches" : "yet: schedules and polling triggers of flows are shown here"}.</NoRows>}
      {data && data.results.length > 0 && (
        <>
          <BulkBar states={data.results.map(({ triggerContext }) => triggerContext).filter((state) => chosen.has(triggerKey(state)))} onDone={() => { setChosen(new Set()); reload(); }} />
          <Table caption="Triggers" columns={columns(setOpened)} rows={data.results} rowKey={({ triggerContext }) => triggerKey(triggerContext)} defaultSort="nextExecutionDate:asc"
                 choice={{ chosen, choose: setChosen }} />
          <Pager total={data.total} />
        </>
      )}
      {shown && <TriggerDialog trigger={shown} onClose={() => setOpened(undefined)} onDone={reload} />}
    </>
  );
}

export default function TriggersPage() {
  return <><PageHead title="Triggers" text="Triggers" /><TriggerList /></>;
}
