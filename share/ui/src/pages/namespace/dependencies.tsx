// SPDX-License-Identifier: Apache-2.0
// Which flows of the namespace start which.
import { getNamespaceDependencies } from "../../api/others";
import { navigate } from "../../app/router";
import { Empty, Failure, Loading } from "../../ui/basics";
import { GraphView } from "../../ui/graph";
import { useLoad } from "../../ui/load";
import type { TabProps } from ".";

const words: Record<string, string> = { FLOW_TASK: "subflow", FLOW_TRIGGER: "trigger" };

export default function Dependencies({ namespace }: TabProps) {
  const { data, error } = useLoad(`dependencies ${namespace}`, () => getNamespaceDependencies(namespace), 30000);
  if (!data) return error ? <Failure error={error} /> : <Loading />;
  if (!data.nodes.length) return <Empty>No flow in this namespace.</Empty>;
  const boxes = data.nodes.map((node) => ({ id: node.uid, title: node.id ?? node.uid, text: node.namespace }));
  const arrows = data.edges.map(({ source, target, relation }) => ({ from: source, to: target, label: typeof relation === "string" ? words[relation] ?? relation : undefined }));
  const open = (uid: string) => {
    const node = data.nodes.find((one) => one.uid === uid);
    if (node?.namespace && node.id) navigate(`flows/${node.namespace}/${node.id}`);
  };
  return <GraphView label={`Flows of ${namespace}`} boxes={boxes} arrows={arrows} direction="LR" onSelect={open} />;
}
