// SPDX-License-Identifier: Apache-2.0
// The graph of a flow, or of one of its executions: tasks as boxes, flowable tasks as containers around theirs.
import { useMemo } from "react";
import { Graph, GraphCluster, GraphNode, StateName, TaskRun } from "../api/types";
import { stateMark } from "./basics";
import { Arrow, Box, GraphView } from "./graph";
import { shortType } from "./text";

/** More nodes than this are unreadable: the runs of one task in a loop become one box. */
const drawnAtMost = 150;

export interface Folded extends Box { task?: string; runs: TaskRun[] }
export interface Topology { boxes: Folded[]; containers: Folded[]; arrows: Arrow[] }

const nodeTask = (node?: GraphNode) => node?.task ?? node?.triggerDeclaration;
const taskNodeOf = ({ cluster }: GraphCluster) => (cluster as GraphNode & { taskNode?: GraphNode }).taskNode;

function relationLabel({ relation }: Graph["edges"][number]): string | undefined {
  if (!relation || typeof relation === "string") return relation;
  if (relation.value) return relation.value;
  return ["ERROR", "CHOICE", "FINALLY", "AFTER_EXECUTION"].includes(relation.relationType ?? "") ? relation.relationType?.toLowerCase() : undefined;
}

export function topologyOf(graph: Graph): Topology {
  const clusters = graph.clusters ?? [];
  const clusterAt = new Map(clusters.map((one) => [one.cluster.uid, one]));
  // Lists of clusters name the outer ones too: the innermost has the most around it.
  const inner = (all: (GraphCluster | undefined)[]) =>
    all.reduce((best, one) => (one && (!best || one.parents.length > best.parents.length) ? one : best), undefined);
  const around = new Map<string, GraphCluster>();
  clusters.forEach((one) => one.nodes.forEach((uid) => { const best = inner([around.get(uid), one]); if (best) around.set(uid, best); }));
  const parentOf = (one: GraphCluster) => inner(one.parents.map((uid) => clusterAt.get(uid) ?? clusterAt.get(`cluster_${uid}`)));
  const fold = graph.nodes.length > drawnAtMost;
  const clusterId = (one?: GraphCluster): string => {
    if (!one || !fold) return one?.cluster.uid ?? "";
    return `${clusterId(parentOf(one))}/${taskNodeOf(one)?.task?.id ?? one.cluster.uid}`;
  };
  const nodeId = (node: GraphNode): string => {
    if (!fold) return node.uid;
    return `${clusterId(around.get(node.uid))}/${nodeTask(node)?.id ?? shortType(node.type)}`;
  };
  const ids = new Map(graph.nodes.map((node) => [node.uid, nodeId(node)]));
  // The task of a container is its frame: what starts at it starts where the container does.
  clusters.forEach((one) => {
    const own = taskNodeOf(one)?.uid, start = ids.get(one.start);
    if (own && start && around.get(own) === one) ids.set(own, start);
  });
  const boxes = new Map<string, Folded>(), containers = new Map<string, Folded>();
  const add = (all: Map<string, Folded>, id: string, made: Folded, run?: TaskRun) => {
    const known = all.get(id) ?? made;
    if (run) known.runs.push(run);
    all.set(id, known);
  };
  clusters.forEach((one) => {
    const node = taskNodeOf(one), parent = parentOf(one);
    const title = node?.task?.id ?? one.cluster.uid.replace(/^cluster_(.*\.)?/, "");
    add(containers, clusterId(one), { id: clusterId(one), title, text: node?.task && shortType(node.task.type), parent: parent && clusterId(parent), task: node?.task?.id, runs: [] }, node?.taskRun);
  });
  graph.nodes.forEach((node) => {
    const parent = around.get(node.uid), task = nodeTask(node), id = ids.get(node.uid) ?? node.uid;
    const own = parent && taskNodeOf(parent)?.uid === node.uid;
    if (own) return;
    const run = node.taskRun, value = fold ? undefined : run?.value;
    add(boxes, id, { id, title: task?.id ?? "", text: value ?? (task && shortType(task.type)), point: !task, parent: parent && clusterId(parent), task: task?.id, runs: [] }, run);
  });
  const arrows = graph.edges.map((edge) => ({ from: ids.get(edge.source) ?? edge.source, to: ids.get(edge.target) ?? edge.target, label: fold ? undefined : relationLabel(edge) }));
  return { boxes: [...boxes.values()], containers: [...containers.values()], arrows };
}

const worst: StateName[] = ["FAILED", "KILLED", "RUNNING", "RETRYING", "PAUSED", "KILLING", "WARNING", "QUEUED", "CREATED", "SUCCESS"];

/** A box in the state of its runs as they are now; of many, the one that matters most. */
function inState<T extends Folded>(box: T, live?: Map<string, TaskRun>): T {
  if (!box.runs.length) return box;
  const states = box.runs.map((run) => (live?.get(run.id) ?? run).state.current);
  const state = worst.find((one) => states.includes(one)) ?? states[0];
  const text = box.runs.length > 1 ? `${states.filter((one) => one === "SUCCESS").length} of ${states.length} done` : box.text;
  return { ...box, text, tone: `state-${state.toLowerCase()}`, mark: stateMark(state) };
}

interface TopologyProps { graph: Graph; label: string; runs?: TaskRun[]; selectedTask?: string; onSelect?: (box: Folded) => void }

/** `runs`: the task runs as they are now, when the graph is one of an execution. */
export function TopologyView({ graph, label, runs, selectedTask, onSelect }: TopologyProps) {
  const topology = useMemo(() => topologyOf(graph), [graph]);
  const live = useMemo(() => runs && new Map(runs.map((run) => [run.id, run])), [runs]);
  const boxes = topology.boxes.map((box) => inState(box, live)), containers = topology.containers.map((box) => inState(box, live));
  const choose = (id: string) => {
    const found = [...topology.containers, ...topology.boxes].find((box) => box.id === id);
    if (found) onSelect?.(found);
  };
  const selected = selectedTask ? [...containers, ...boxes].find((box) => box.task === selectedTask && !box.point)?.id : undefined;
  return <GraphView label={label} boxes={boxes} containers={containers} arrows={topology.arrows} selected={selected} onSelect={choose} />;
}
