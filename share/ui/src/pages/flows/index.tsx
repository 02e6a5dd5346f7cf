// SPDX-License-Identifier: Apache-2.0
import { useState } from "react";
import { flowsByIds, searchFlows } from "../../api/flows";
import { searchExecutions } from "../../api/executions";
import { Flow } from "../../api/types";
import { Link, useLocation } from "../../app/router";
import { PageHead } from "../../app/shell";
import { Empty, Failure, Labels, Loading, Stale, When } from "../../ui/basics";
import { confirm } from "../../ui/dialog";
import { Filter, filterQuery, Filters, SearchField } from "../../ui/filters";
import { useLoad } from "../../ui/load";
import { Column, Pager, Table, usePaging } from "../../ui/table";
import { plural } from "../../ui/text";
import { telling } from "../../ui/toast";

const filters: Filter[] = [
  { name: "namespace", label: "Namespace", placeholder: "company.team" },
  { name: "labels", label: "Label", many: true, placeholder: "key:value" },
  { name: "scope", label: "Scope", options: ["USER", "SYSTEM"] },
];

/** The last executions of a flow, newest right: "is it red?" at a glance. */
function LastRuns({ flow }: { flow: Flow }) {
  const { data } = useLoad(`${flow.namespace}/${flow.id}`, () => searchExecutions({ namespace: flow.namespace, flowId: flow.id, page: 1, size: 8, sort: "state.startDate:desc" }), 60000);
  const runs = [...(data?.results ?? [])].reverse(), last = runs[runs.length - 1];
  if (!last) return <span className="quiet">never</span>;
  return (
    <span className="runs">
      {runs.map((run) => (
        <Link key={run.id} to={`executions/${run.namespace}/${run.flowId}/${run.id}`} className={`dot state-${run.state.current.toLowerCase()}`}>
          <span className="hidden">{run.state.current}</span>
        </Link>
      ))}
      <span className="quiet"><When date={last.state.startDate} /></span>
    </span>
  );
}

const columns: Column<Flow>[] = [
  { name: "id", title: "Flow", sort: "id", cell: (flow) => (
    <>
      <Link to={`flows/${flow.namespace}/${flow.id}`} className="strong">{flow.id}</Link>{flow.disabled && <span className="tag">disabled</span>}
      {flow.description && <div className="quiet clip">{flow.description}</div>}
    </>
  ) },
  { name: "namespace", title: "Namespace", sort: "namespace", cell: (flow) => flow.namespace },
  { name: "labels", title: "Labels", cell: (flow) => <Labels labels={flow.labels} /> },
  { name: "triggers", title: "Triggers", cell: (flow) => flow.triggers?.map((trigger) => <code key={trigger.id} title={trigger.type}>{trigger.cron ?? trigger.id}</code>) },
  { name: "runs", title: "Last executions", cell: (flow) => <LastRuns flow={flow} /> },
  { name: "revision", title: "Revision", number: true, cell: (flow) => flow.revision },
];

function Bulk({ chosen, done }: { chosen: Set<string>; done: () => void }) {
  if (!chosen.size) return null;
  const ids = [...chosen].map((key) => ({ namespace: key.split("/")[0], id: key.split("/")[1] }));
  const act = async (verb: "enable" | "disable" | "delete") => {
    if (verb === "delete" && !(await confirm(`Delete ${plural(ids.length, "flow")}?`, <p>Their executions stay.</p>, "Delete"))) return;
    if (await telling(`${plural(ids.length, "flow")} ${verb}d`, () => flowsByIds(verb, ids))) done();
  };
  return (
    <div className="bulk" role="region" aria-label="Chosen flows">
      <span>{plural(ids.length, "flow")} chosen</span>
      <button type="button" onClick={() => act("enable")}>Enable</button>
      <button type="button" onClick={() => act("disable")}>Disable</button>
      <button type="button" className="danger" onClick={() => act("delete")}>Delete</button>
      <button type="button" onClick={done}>Choose none</button>
    </div>
  );
}

export default function FlowsPage() {
  const { query } = useLocation();
  const { page, size } = usePaging();
  const [chosen, setChosen] = useState(new Set<string>());
  const asked = { ...filterQuery(query, filters), q: query.get("q") ?? undefined };
  const sort = query.get("sort") ?? "id:asc";
  const { data, error, at, reload } = useLoad(JSON.stringify([asked, sort, page, size]), () => searchFlows({ ...asked, sort, page, size }), 10000);
  const filtered = Object.values(asked).some((value) => (Array.isArray(value) ? value.length : value));
  return (
    <>
      <PageHead title="Flows" text="Flows"><Link to="flows/new" className="button primary">New flow</Link></PageHead>
      <div className="bar"><SearchField label="Search flows" /><Filters filters={filters} /></div>
      {data ? <Stale error={error} at={at} /> : <Failure error={error} />}
      {!data && !error && <Loading />}
      {data && data.results.length === 0 && (
        <Empty>{filtered ? "No flow matches." : <>No flow yet. Save a YAML file in <code>/etc/kestra/flows</code>, or <Link to="flows/new">make a new flow here</Link>.</>}</Empty>
      )}
      {data && data.results.length > 0 && (
        <>
          <Bulk chosen={chosen} done={() => { setChosen(new Set()); reload(); }} />
          <Table caption="Flows" columns={columns} rows={data.results} rowKey={(flow) => `${flow.namespace}/${flow.id}`} choice={{ chosen, choose: setChosen }} defaultSort="id:asc" />
          <Pager total={data.total} />
        </>
      )}
    </>
  );
}
