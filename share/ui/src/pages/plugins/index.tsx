// SPDX-License-Identifier: Apache-2.0
// Every type that a flow may name, by the group that it belongs to.
import { getPlugins } from "../../api/others";
import { Plugin } from "../../api/types";
import { Link, useParameter } from "../../app/router";
import { PageHead } from "../../app/shell";
import { Empty, Failure, Loading } from "../../ui/basics";
import { useLoad } from "../../ui/load";
import { plural, shortType } from "../../ui/text";

const sections: { name: keyof Plugin; title: string }[] = [
  { name: "tasks", title: "Tasks" }, { name: "triggers", title: "Triggers" }, { name: "conditions", title: "Conditions" }, { name: "taskRunners", title: "Task runners" },
];
const typesOf = (plugin: Plugin, section: keyof Plugin, words: string[]) =>
  ((plugin[section] as string[] | undefined) ?? []).filter((type) => words.every((word) => type.toLowerCase().includes(word)));

function Group({ plugin, words }: { plugin: Plugin; words: string[] }) {
  const shown = sections.map(({ name, title }) => ({ title, types: typesOf(plugin, name, words) })).filter(({ types }) => types.length);
  if (!shown.length) return null;
  return (
    <section className="card">
      <h2>{plugin.title ?? plugin.name} <span className="quiet">{plugin.group}</span></h2>
      {shown.map(({ title, types }) => (
        <div key={title}>
          <h3>{title} <span className="quiet">{types.length}</span></h3>
          <ul className="plugin-types">{types.map((type) => (
            <li key={type}><Link to={`plugins/${type}`} title={type}>{shortType(type)}</Link> <span className="quiet">{type.slice((plugin.group ?? "").length + 1).split(".").slice(0, -1).join(".")}</span></li>
          ))}</ul>
        </div>
      ))}
    </section>
  );
}

export default function PluginsPage() {
  const [q, setQ] = useParameter("q");
  const { data, error } = useLoad("plugins", getPlugins);
  const words = q.toLowerCase().split(/\s+/).filter(Boolean);
  const count = data?.reduce((sum, plugin) => sum + sections.reduce((one, { name }) => one + typesOf(plugin, name, words).length, 0), 0);
  return (
    <>
      <PageHead title="Plugins" text="Plugins" />
      <div className="bar">
        <input type="search" className="search" placeholder="Search types" aria-label="Search types" value={q} onChange={(event) => setQ(event.target.value)} />
        {count !== undefined && <span className="quiet" role="status">{plural(count, "type")}</span>}
      </div>
      {!data && (error ? <Failure error={error} /> : <Loading />)}
      {data?.map((plugin) => <Group key={`${plugin.name} ${plugin.group}`} plugin={plugin} words={words} />)}
      {count === 0 && <Empty>No type matches.</Empty>}
    </>
  );
}
