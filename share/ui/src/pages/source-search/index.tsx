// SPDX-License-Identifier: Apache-2.0
// A word in the sources of all flows, with the lines around it.
import { Fragment } from "react";
import { searchSources } from "../../api/flows";
import { Link, useLocation } from "../../app/router";
import { PageHead } from "../../app/shell";
import { Empty, Failure, Loading, Stale } from "../../ui/basics";
import { Filter, filterQuery, Filters, SearchField } from "../../ui/filters";
import { useLoad } from "../../ui/load";
import { Pager, usePaging } from "../../ui/table";

const filters: Filter[] = [{ name: "namespace", label: "Namespace", placeholder: "company.team" }];

/** The server marks hits as [mark]…[/mark]. */
const Fragments = ({ text }: { text: string }) => (
  <pre className="mono">{text.split("[mark]").map((part, index) => {
    const [hit, ...rest] = part.split("[/mark]");
    return index === 0 || !rest.length ? <Fragment key={index}>{index ? `[mark]${part}` : part}</Fragment> : <Fragment key={index}><mark>{hit}</mark>{rest.join("[/mark]")}</Fragment>;
  })}</pre>
);

export default function SourceSearchPage() {
  const { query } = useLocation();
  const { page, size } = usePaging();
  const q = query.get("q") ?? "", asked = filterQuery(query, filters);
  const { data, error, at } = useLoad(JSON.stringify(["sources", q, asked, page, size]), async () => (q ? searchSources({ q, ...asked, page, size }) : undefined));
  return (
    <>
      <PageHead title="Search in sources" text="Search in sources"><Link to="flows" className="button">All flows</Link></PageHead>
      <div className="bar"><SearchField label="Word in a source" /><Filters filters={filters} /></div>
      {data ? <Stale error={error} at={at} /> : <Failure error={error} />}
      {!q && <Empty>Write a word: a type, a name, a part of a script.</Empty>}
      {q && !data && !error && <Loading />}
      {data?.results.length === 0 && <Empty>No source has “{q}”.</Empty>}
      {data && data.results.length > 0 && (
        <>
          <ol className="hits">{data.results.map(({ model: { namespace, id }, fragments }) => (
            <li key={`${namespace}/${id}`}><Link to={`flows/${namespace}/${id}/editor`} className="strong">{namespace}.{id}</Link>{fragments.map((text, index) => <Fragments key={index} text={text} />)}</li>
          ))}</ol>
          <Pager total={data.total} />
        </>
      )}
    </>
  );
}
