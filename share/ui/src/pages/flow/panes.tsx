// SPDX-License-Identifier: Apache-2.0
// What can stand beside the editor.
import { useEffect, useState } from "react";
import { graphOfSource } from "../../api/flows";
import { typeDoc } from "../../api/schemas";
import { Graph } from "../../api/types";
import { Empty, Failure, Loading } from "../../ui/basics";
import { useLoad } from "../../ui/load";
import { Markdown } from "../../ui/markdown";
import { TopologyView } from "../../ui/topology";

/** Of the type that the cursor is in. */
export function DocsPane({ type }: { type?: string }) {
  const { data, error } = useLoad(`doc ${type ?? ""}`, async () => (type ? typeDoc(type) : undefined));
  if (!type) return <Empty>Put the cursor into a task or a trigger: its documentation is shown here.</Empty>;
  if (error) return <Empty>There is no documentation of {type}.</Empty>;
  return data ? <div className="pane" tabIndex={0} role="region" aria-label={`Documentation of ${type}`}><Markdown text={data.markdown} /></div> : <Loading />;
}

/** Of the text as it is now; while it is broken, as it was. */
export function GraphPane({ source, onPick }: { source?: string; onPick: (task: string) => void }) {
  const [graph, setGraph] = useState<Graph>();
  const [error, setError] = useState<Error>();
  useEffect(() => {
    if (source === undefined) return undefined;
    const timer = setTimeout(() => { graphOfSource(source).then((drawn) => { setGraph(drawn); setError(undefined); }, setError); }, 500);
    return () => clearTimeout(timer);
  }, [source]);
  if (!graph) return error ? <Failure error={error} /> : <Loading />;
  return <TopologyView graph={graph} label="Topology of what is written" onSelect={({ task }) => task && onPick(task)} />;
}
