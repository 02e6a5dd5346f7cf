// SPDX-License-Identifier: Apache-2.0
import { searchFlows } from "../../api/flows";
import { Flow } from "../../api/types";
import { Link, useLocation } from "../../app/router";
import { Failure, Labels, Loading } from "../../ui/basics";
import { SearchField } from "../../ui/filters";
import { useLoad } from "../../ui/load";
import { Column, NoRows, Pager, Table, usePaging } from "../../ui/table";
import type { TabProps } from ".";

const columns: Column<Flow>[] = [
  { name: "id", title: "Flow", sort: "id", cell: ({ namespace, id, disabled }) => <><Link to={`flows/${namespace}/${id}`} className="strong">{id}</Link>{disabled && <span className="tag">disabled</span>}</> },
  { name: "namespace", title: "Namespace", sort: "namespace", cell: ({ namespace }) => namespace },
  { name: "description", title: "Description", cell: ({ description }) => <div className="clip">{description}</div> },
  { name: "labels", title: "Labels", cell: ({ labels }) => <Labels labels={labels} /> },
];

export function Flows({ namespace }: TabProps) {
  const { query } = useLocation();
  const { page, size } = usePaging();
  const asked = { namespace, q: query.get("q") ?? undefined, sort: query.get("sort") ?? "id:asc", page, size };
  const { data, error } = useLoad(JSON.stringify(asked), () => searchFlows(asked), 15000);
  return (
    <>
      <div className="bar"><SearchField label="Search flows" /></div>
      {!data && (error ? <Failure error={error} /> : <Loading />)}
      {data && !data.results.length && <NoRows>No flow {asked.q ? "matches" : "in this namespace"}.</NoRows>}
      {data && data.results.length > 0 && <><Table caption="Flows" columns={columns} rows={data.results} rowKey={(flow) => `${flow.namespace}/${flow.id}`} defaultSort="id:asc" /><Pager total={data.total} /></>}
    </>
  );
}
