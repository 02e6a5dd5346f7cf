// SPDX-License-Identifier: Apache-2.0
import { getFlowGraph } from "../../api/flows";
import { navigate } from "../../app/router";
import { Failure, Loading } from "../../ui/basics";
import { useLoad } from "../../ui/load";
import { TopologyView } from "../../ui/topology";
import type { TabProps } from ".";

/** A box leads to its task in the editor. */
export default function TopologyTab({ flow: { namespace, id, revision } }: TabProps) {
  const { data, error } = useLoad(`graph ${namespace}/${id} ${revision}`, () => getFlowGraph(namespace, id));
  if (!data) return error ? <Failure error={error} /> : <Loading />;
  return <TopologyView graph={data} label={`Topology of ${id}`} onSelect={({ task }) => task && navigate(`flows/${namespace}/${id}/editor?task=${encodeURIComponent(task)}`)} />;
}
