// SPDX-License-Identifier: Apache-2.0
import { lazy, ReactNode, Suspense } from "react";
import { Execution } from "../../api/types";
import { Link } from "../../app/router";
import { PageProps } from "../../app/routes";
import { PageHead } from "../../app/shell";
import { Duration, Empty, Failure, Loading, StateBadge } from "../../ui/basics";
import { Tabs } from "../../ui/tabs";
import { Actions } from "./actions";
import { Gantt } from "./gantt";
import { executionPath, useExecution } from "./live";
import { Logs } from "./logs";
import { Metrics } from "./metrics";
import { Neighbours } from "./neighbours";
import { Outputs } from "./outputs";
import { Overview } from "./overview";

const Topology = lazy(() => import("./topology")); // brings the library that draws

export interface TabProps { execution: Execution; reload: () => void }

const tabs: { name: string; title: string; show: (props: TabProps) => ReactNode }[] = [
  { name: "overview", title: "Overview", show: (props) => <Overview {...props} /> },
  { name: "gantt", title: "Gantt", show: (props) => <Gantt {...props} /> },
  { name: "logs", title: "Logs", show: (props) => <Logs {...props} /> },
  { name: "topology", title: "Topology", show: ({ execution }) => <Suspense fallback={<Loading what="Drawing" />}><Topology execution={execution} /></Suspense> },
  { name: "outputs", title: "Outputs", show: (props) => <Outputs {...props} /> },
  { name: "metrics", title: "Metrics", show: (props) => <Metrics {...props} /> },
];

export default function ExecutionPage({ names: { id, tab = "overview" } }: PageProps) {
  const { execution, error, reload } = useExecution(id);
  if (!execution) return error ? <Failure error={error} /> : <Loading what="Loading the execution" />;
  const shown = tabs.find(({ name }) => name === tab);
  return (
    <>
      <PageHead text={`${execution.state.current} ${execution.flowId} ${execution.id.slice(0, 8)} ${shown?.title ?? ""}`}
                title={<><StateBadge state={execution.state.current} /> <Link to={`flows/${execution.namespace}/${execution.flowId}`}>{execution.flowId}</Link>{" "}
                  <span className="quiet">{execution.namespace} · <Duration state={execution.state} /></span></>}>
        <Neighbours execution={execution} tab={tab} />
        <Actions execution={execution} reload={reload} />
      </PageHead>
      <Tabs label="Parts of the execution" at={executionPath(execution, "").slice(0, -1)} tabs={tabs} current={tab} />
      {shown ? shown.show({ execution, reload }) : <Empty>There is no such part of an execution.</Empty>}
    </>
  );
}
