// SPDX-License-Identifier: Apache-2.0
// Which flows start this one, and which it starts.
import { getFlowDependencies } from "../../api/flows";
import { navigate, useParameter } from "../../app/router";
import { Empty, Failure, Loading } from "../../ui/basics";
import { GraphView } from "../../ui/graph";
import { useLoad } from "../../ui/load";
import type { TabProps } from ".";

export default function Dependencies({ flow: { namespace, id } }: TabProps) {
  const [all, setAll] = useParameter("expandAll");
  const { data, error } = useLoad(`dependencies ${namespace}/${id} ${all}`, () => getFlowDependencies(namespace, id, all === "true"), 30000);
  if (!data) return error ? <Failure error={error} /> : <Loading />;
  const boxes = data.nodes.map((node) => ({ id: node.uid, title: node.id ?? node.uid, text: node.namespace }));
  const arrows = data.edges.map(({ source, target }) => ({ from: source, to: target }));
  const open = (uid: string) => {
    const node = data.nodes.find((one) => one.uid === uid);
    if (node?.namespace && node.id) navigate(`flows/${node.namespace}/${node.id}/dependencies`);
  };
  return (
    <>
      <div className="bar"><label><input type="checkbox" checked={all === "true"} onChange={(event) => setAll(event.target.checked ? "true" : "")} /> Also what those depend on</label></div>
      {boxes.length ? <GraphView label={`Flows around ${id}`} boxes={boxes} arrows={arrows} direction="LR" selected={data.nodes.find((node) => node.id === id && node.namespace === namespace)?.uid} onSelect={open} /> : <Empty>No flow starts this one, and it starts none.</Empty>}
    </>
  );
}
