// SPDX-License-Identifier: Apache-2.0
import { useState } from "react";
import { searchExecutions } from "../../api/executions";
import { stateNames } from "../../api/types";
import { Link, useLocation } from "../../app/router";
import { PageHead } from "../../app/shell";
import { Failure, Loading, Stale } from "../../ui/basics";
import { ChosenColumns, useColumns } from "../../ui/columns";
import { Filter, filterQuery, Filters, SearchField } from "../../ui/filters";
import { useLoad } from "../../ui/load";
import { SavedSearches } from "../../ui/saved";
import { NoRows, Pager, usePaging } from "../../ui/table";
import { BulkBar } from "./bulk";
import { executionColumns, ExecutionTable } from "./table";

export const executionFilters: Filter[] = [
  { name: "state", label: "State", options: stateNames, many: true },
  { name: "namespace", label: "Namespace", placeholder: "company.team" },
  { name: "flowId", label: "Flow", placeholder: "id of a flow" },
  { name: "labels", label: "Label", many: true, placeholder: "key:value" },
  { name: "timeRange", label: "Last", options: ["PT1H", "PT24H", "P7D", "P30D"] },
  { name: "startDate", label: "From", placeholder: "2026-12-01T00:00:00Z" },
  { name: "endDate", label: "Until", placeholder: "2026-12-02T00:00:00Z" },
  { name: "triggerExecutionId", label: "Started by execution", placeholder: "id of an execution" },
  { name: "childFilter", label: "Children", options: ["MAIN", "CHILD"] },
];

/** The list with filters, paging and bulk actions; `fixed` belongs to the page that it stands in (a flow, a namespace). */
export function ExecutionList({ fixed = {}, filters = executionFilters }: { fixed?: Record<string, string>; filters?: Filter[] }) {
  const { query } = useLocation();
  const { page, size } = usePaging();
  const [chosen, setChosen] = useState(new Set<string>());
  const [shown, choice] = useColumns("executions", executionColumns);
  const asked = { ...filterQuery(query, filters), q: query.get("q") ?? undefined, ...fixed };
  const sort = query.get("sort") ?? "state.startDate:desc";
  const key = JSON.stringify([asked, sort, page, size]);
  const { data, error, at, reload } = useLoad(key, () => searchExecutions({ ...asked, sort, page, size }), 3000);
  const filtered = Object.values(asked).some((value) => (Array.isArray(value) ? value.length : value));
  return (
    <>
      <div className="bar"><SearchField label="Search executions" /><Filters filters={filters} /><SavedSearches list="executions" /><ChosenColumns {...choice} /></div>
      {data ? <Stale error={error} at={at} /> : <Failure error={error} />}
      {!data && !error && <Loading />}
      {data && data.results.length === 0 && (
        <NoRows>{filtered ? "No execution matches." : <>No execution yet. <Link to="flows">Choose a flow to run</Link></>}</NoRows>
      )}
      {data && data.results.length > 0 && (
        <>
          <BulkBar chosen={chosen} total={data.total} query={asked} onDone={() => { setChosen(new Set()); reload(); }} />
          <ExecutionTable columns={shown} executions={data.results} choice={{ chosen, choose: setChosen }} />
          <Pager total={data.total} />
        </>
      )}
    </>
  );
}

export default function ExecutionsPage() {
  return <><PageHead title="Executions" text="Executions" /><ExecutionList /></>;
}
