// SPDX-License-Identifier: Apache-2.0
import { useRef, useState } from "react";
import { exportFlows, flowsByIds, importFlows, searchFlows } from "../../api/flows";
import { Flow } from "../../api/types";
import { Link, useLocation } from "../../app/router";
import { PageHead } from "../../app/shell";
import { Empty, Failure, Labels, Loading, Relative, Stale } from "../../ui/basics";
import { confirm } from "../../ui/dialog";
import { download } from "../../ui/download";
import { Filter, filterQuery, Filters, SearchField } from "../../ui/filters";
import { useLoad } from "../../ui/load";
import { plainText } from "../../ui/markdown";
import { Column, Pager, Table, usePaging } from "../../ui/table";
import { plural } from "../../ui/text";
import { telling, toast } from "../../ui/toast";
import { TriggerTag } from "../flow/trigger-words";
import { LastRun, RunBars, Runs, useRuns } from "./runs";

const filters: Filter[] = [
  { name: "namespace", label: "Namespace", placeholder: "company.team" },
  { name: "labels", label: "Label", many: true, placeholder: "key:value" },
  { name: "scope", label: "Scope", options: ["USER", "SYSTEM"] },
];

const Next = ({ date }: { date?: string }) => (date ? <div className="quiet nowrap">next <Relative date={date} /></div> : null);

const columnsOf = (runs: Runs): Column<Flow>[] => [
  { name: "id", title: "Flow", sort: "id", cell: (flow) => (
    <div>
      <Link to={`flows/${flow.namespace}/${flow.id}`} className="strong">{flow.id}</Link>{flow.disabled && <span className="tag">disabled</span>}
      {flow.description && <div className="quiet clip">{plainText(flow.description)}</div>}
    </div>
  ) },
  { name: "namespace", title: "Namespace", sort: "namespace", cell: (flow) => flow.namespace },
  { name: "labels", title: "Labels", cell: (flow) => <Labels labels={flow.labels} /> },
  { name: "last", title: "Last execution", cell: (flow) => <LastRun run={runs.latest(flow)} /> },
  { name: "runs", title: "Last 30 days", cell: (flow) => <RunBars days={runs.days(flow)} /> },
  { name: "triggers", title: "Triggers", cell: (flow) => Boolean(flow.triggers?.length) && <span>{flow.triggers?.map((trigger) => <TriggerTag key={trigger.id} source={trigger} />)}<Next date={runs.next(flow)} /></span> },
];

function Bulk({ chosen, done }: { chosen: Set<string>; done: () => void }) {
  if (!chosen.size) return null;
  const ids = [...chosen].map((key) => ({ namespace: key.split("/")[0], id: key.split("/")[1] }));
  const act = async (verb: "enable" | "disable" | "delete") => {
    const names = <ul>{ids.slice(0, 10).map(({ namespace, id }) => <li key={`${namespace}/${id}`}>{namespace}.{id}</li>)}{ids.length > 10 && <li>and {ids.length - 10} more</li>}</ul>;
    if (verb === "delete" && !(await confirm(`Delete ${plural(ids.length, "flow")}?`, <>{names}<p>Their executions stay.</p></>, "Delete"))) return;
    if (await telling(`${plural(ids.length, "flow")} ${verb}d`, () => flowsByIds(verb, ids))) done();
  };
  const archive = () => telling(`${plural(ids.length, "flow")} exported`, async () => download(await exportFlows(ids), "flows.zip"));
  return (
    <div className="bulk" role="region" aria-label="Chosen flows">
      <span>{plural(ids.length, "flow")} chosen</span>
      <button type="button" onClick={() => void act("enable")}>Enable</button>
      <button type="button" onClick={() => void act("disable")}>Disable</button>
      <button type="button" onClick={() => void archive()}>Export</button>
      <button type="button" className="danger" onClick={() => void act("delete")}>Delete</button>
      <button type="button" onClick={done}>Choose none</button>
    </div>
  );
}

/** YAML, of one flow or of several, or a ZIP archive as the export makes it. */
function Import({ done }: { done: () => void }) {
  const field = useRef<HTMLInputElement>(null);
  const take = async (file?: File) => {
    if (!file) return;
    await importFlows(file).then((refused) => {
      if (refused?.length) toast(`Not imported: ${refused.join(", ")}`, true);
      else toast(`${file.name} is imported`);
    }, (error: Error) => toast(`${file.name} is not imported: ${error.message}`, true));
    if (field.current) field.current.value = "";
    done();
  };
  return (
    <>
      <input ref={field} type="file" hidden accept=".yaml,.yml,.zip" aria-label="File of flows" onChange={(event) => void take(event.target.files?.[0])} />
      <button type="button" onClick={() => field.current?.click()}>Import</button>
    </>
  );
}

export default function FlowsPage() {
  const { query } = useLocation();
  const { page, size } = usePaging();
  const [chosen, setChosen] = useState(new Set<string>());
  const asked = { ...filterQuery(query, filters), q: query.get("q") ?? undefined };
  const sort = query.get("sort") ?? "id:asc";
  const { data, error, at, reload } = useLoad(JSON.stringify([asked, sort, page, size]), () => searchFlows({ ...asked, sort, page, size }), 10000);
  const runs = useRuns(data?.results ?? []);
  const filtered = Object.values(asked).some((value) => (Array.isArray(value) ? value.length : value));
  return (
    <>
      <PageHead title="Flows" text="Flows">
        <Link to="flows/search" className="button">Search in sources</Link><Import done={reload} /><Link to="flows/new" className="button primary">New flow</Link>
      </PageHead>
      <div className="bar"><SearchField label="Search flows" /><Filters filters={filters} /></div>
      {data ? <Stale error={error} at={at} /> : <Failure error={error} />}
      {!data && !error && <Loading />}
      {data && data.results.length === 0 && (
        <Empty>{data.total > 0 || page > 1 ? <>There is nothing on page {page}. <Link to="flows">The first page</Link></> : filtered ? "No flow matches." : <>No flow yet. Save a YAML file in <code>/etc/kestra/flows</code>, or <Link to="flows/new">make a new flow here</Link>.</>}</Empty>
      )}
      {data && data.results.length > 0 && (
        <>
          <Bulk chosen={chosen} done={() => { setChosen(new Set()); reload(); }} />
          <Table caption="Flows" columns={columnsOf(runs)} rows={data.results} rowKey={(flow) => `${flow.namespace}/${flow.id}`} choice={{ chosen, choose: setChosen }} defaultSort="id:asc" />
          <Pager total={data.total} />
        </>
      )}
    </>
  );
}
