// SPDX-License-Identifier: Apache-2.0
import { searchExecutions } from "../../api/executions";
import { Link } from "../../app/router";
import { Empty, Fact, Failure, Labels } from "../../ui/basics";
import { useLoad } from "../../ui/load";
import { Markdown } from "../../ui/markdown";
import { Dashboard } from "../dashboard";
import { ExecutionTable } from "../executions/table";
import type { TabProps } from ".";
import { Trigger } from "./trigger-words";

export default function Overview({ flow }: TabProps) {
  const { namespace, id } = flow, here = `flows/${namespace}/${id}`;
  const runs = useLoad(`runs ${here}`, () => searchExecutions({ namespace, flowId: id, page: 1, size: 5, sort: "state.startDate:desc" }), 3000);
  return (
    <>
      {flow.description && <Markdown text={flow.description} />}
      <dl className="facts">
        <Fact name="Tasks">{flow.tasks?.length ?? 0}</Fact>
        <Fact name="Inputs">{flow.inputs?.length ?? 0}</Fact>
        <Fact name="Triggers">{flow.triggers?.length ? flow.triggers.map((one) => <div key={one.id}><Link to={`${here}/triggers`}>{one.id}</Link> <span className="quiet"><Trigger source={one} /></span></div>) : "none"}</Fact>
        {flow.concurrency && <Fact name="At once"><Link to={`${here}/concurrency`}>at most {flow.concurrency.limit}</Link></Fact>}
        {Boolean(flow.labels?.length) && <Fact name="Labels"><Labels labels={flow.labels} all /></Fact>}
      </dl>
      <div className="bar"><h2>Last executions</h2><Link to={`${here}/executions`}>All executions</Link></div>
      <Failure error={runs.error} />
      {runs.data && (runs.data.results.length ? <ExecutionTable executions={runs.data.results} /> : <Empty>Not executed yet.</Empty>)}
      <h2>Over time</h2>
      <Dashboard fixed={{ namespace, flowId: id }} />
    </>
  );
}
