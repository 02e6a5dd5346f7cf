// SPDX-License-Identifier: Apache-2.0
// What a type is, and which properties and outputs it has: from its schema, so that it is what the server checks.
import { getPluginDoc } from "../../api/others";
import { DocProperty, DocSchema } from "../../api/types";
import { Link } from "../../app/router";
import { PageProps } from "../../app/routes";
import { PageHead } from "../../app/shell";
import { Copy, Failure, Loading } from "../../ui/basics";
import { useLoad } from "../../ui/load";
import { Markdown } from "../../ui/markdown";
import { Column, Table } from "../../ui/table";
import { shortType } from "../../ui/text";

type Named = DocProperty & { name: string; required: boolean };

function typeWords(property: DocProperty): string {
  if (property.$ref) return shortType(property.$ref.replace(/^.*\//, ""));
  if (property.enum) return property.enum.join(" | ");
  if (property.type === "array") return `list of ${property.items ? typeWords(property.items) : "anything"}`;
  if (property.type === "object" && typeof property.additionalProperties === "object") return `map of ${typeWords(property.additionalProperties)}`;
  return [property.type ?? "anything", property.format && `(${property.format})`].filter(Boolean).join(" ");
}

const about = ({ title, description }: { title?: string; description?: string }) => [title, description].filter(Boolean).join("\n\n");
const namedOf = (schema?: DocSchema): Named[] => Object.entries(schema?.properties ?? {})
  .map(([name, property]) => ({ ...property, name, required: Boolean(property.$required) || Boolean(schema?.required?.includes(name)) }))
  .sort((a, b) => Number(b.required) - Number(a.required) || a.name.localeCompare(b.name));

const columns: Column<Named>[] = [
  { name: "name", title: "Name", cell: ({ name, required, $deprecated }) => <><code>{name}</code>{required && <span className="tag">required</span>}{$deprecated && <span className="tag">deprecated</span>}</> },
  { name: "type", title: "Type", cell: (property) => <>{typeWords(property)}{property.$dynamic && <span className="tag" title="An expression may stand here">expression</span>}</> },
  { name: "default", title: "Default", cell: (property) => (property.default !== undefined ? <code>{JSON.stringify(property.default)}</code> : "") },
  { name: "about", title: "About", cell: (property) => { const text = about(property); return text && <Markdown text={text} />; } },
];

/** Examples are shown as they are pasted: a task, or a whole flow. */
function Examples({ schema, type }: { schema?: DocSchema; type: string }) {
  const examples = schema?.$examples ?? [];
  if (!examples.length) return null;
  return (
    <section><h2>Examples</h2>{examples.map(({ title, code = "", full }, index) => {
      const body = Array.isArray(code) ? code.join("\n") : code, text = full || /^type:/m.test(body) ? body : `id: "${shortType(type).toLowerCase()}"\ntype: "${type}"\n${body}`;
      return <div key={index} className="card"><div className="bar"><h3>{title ?? "Example"}</h3><Copy text={text} /></div><pre className="body" tabIndex={0}>{text}</pre></div>;
    })}</section>
  );
}

export default function PluginPage({ names: { type } }: PageProps) {
  const { data, error } = useLoad(`plugin ${type}`, () => getPluginDoc(type));
  const properties = namedOf(data?.schema?.properties), outputs = namedOf(data?.schema?.outputs), metrics = data?.schema?.properties?.$metrics ?? [];
  const title = data?.schema?.properties;
  return (
    <>
      <PageHead title={shortType(type)} text={`${shortType(type)} · Plugins`}><Link to="plugins" className="button">All types</Link></PageHead>
      <p><code>{type}</code> <Copy text={type} /></p>
      {!data && (error ? <Failure error={error} /> : <Loading />)}
      {title && about(title) ? <Markdown text={about(title)} /> : data && <Markdown text={data.markdown} />}
      <Examples schema={title} type={type} />
      {properties.length > 0 && <section><h2>Properties</h2><Table caption="Properties" columns={columns} rows={properties} rowKey={({ name }) => name} /></section>}
      {outputs.length > 0 && <section><h2>Outputs</h2><Table caption="Outputs" columns={columns.filter(({ name }) => name !== "default")} rows={outputs} rowKey={({ name }) => name} /></section>}
      {metrics.length > 0 && (
        <section><h2>Metrics</h2><ul>{metrics.map(({ name, type: kind, unit, description }) => <li key={name}><code>{name}</code> {kind}{unit ? `, ${unit}` : ""} <span className="quiet">{description}</span></li>)}</ul></section>
      )}
    </>
  );
}
