// SPDX-License-Identifier: Apache-2.0
// Namespaces as the tree that their names make; also those that only stand above others.
import { searchNamespaces } from "../../api/others";
import { NamespaceItem } from "../../api/types";
import { Link, useLocation } from "../../app/router";
import { PageHead } from "../../app/shell";
import { Failure, Loading, Stale } from "../../ui/basics";
import { SearchField } from "../../ui/filters";
import { useLoad } from "../../ui/load";
import { Column, NoRows, Pager, Table, usePaging } from "../../ui/table";

const depth = (id: string) => id.split(".").length - 1;
const columns: Column<NamespaceItem>[] = [
  { name: "id", title: "Namespace", cell: ({ id }) => (
    <span style={{ paddingLeft: `${Math.min(8, depth(id)) * 1.2}rem` }}>
      {depth(id) > 0 && <span className="quiet" aria-hidden="true">└ </span>}<Link to={`namespaces/${id}`} className="strong">{id}</Link>
    </span>
  ) },
  { name: "go", title: "Go to", cell: ({ id }) => (
    <>
      <Link to={`namespaces/${id}/flows`}>Flows</Link> · <Link to={`namespaces/${id}/executions`}>Executions</Link> · <Link to={`namespaces/${id}/files`}>Files</Link> · <Link to={`namespaces/${id}/kv`}>Key-value</Link>
    </>
  ) },
];

export default function NamespacesPage() {
  const { query } = useLocation();
  const { page, size } = usePaging();
  const q = query.get("q") ?? undefined;
  const { data, error, at } = useLoad(JSON.stringify(["namespaces", q, page, size]), () => searchNamespaces({ q, page, size, sort: "id:asc" }), 15000);
  return (
    <>
      <PageHead title="Namespaces" text="Namespaces" />
      <div className="bar"><SearchField label="Search namespaces" /></div>
      {data ? <Stale error={error} at={at} /> : error ? <Failure error={error} /> : <Loading />}
      {data && !data.results.length && <NoRows>No namespace {q ? "matches" : "yet: a flow brings its own"}.</NoRows>}
      {data && data.results.length > 0 && <><Table caption="Namespaces" columns={columns} rows={data.results} rowKey={({ id }) => id} /><Pager total={data.total} /></>}
    </>
  );
}
