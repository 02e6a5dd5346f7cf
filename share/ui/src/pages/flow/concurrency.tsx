// SPDX-License-Identifier: Apache-2.0
// How many executions may run at once, how many do, and who waits.
import { searchExecutions } from "../../api/executions";
import { Empty, Fact, Failure, Loading, Stale } from "../../ui/basics";
import { useLoad } from "../../ui/load";
import { ExecutionTable } from "../executions/table";
import type { TabProps } from ".";

const running = ["RUNNING", "RESTARTED", "PAUSED", "RETRYING", "KILLING"];
const behaviours: Record<string, string> = { QUEUE: "further ones wait", CANCEL: "further ones are cancelled", FAIL: "further ones fail" };

export default function Concurrency({ flow: { namespace, id, concurrency } }: TabProps) {
  const ask = (state: string[], sort: string) => () => searchExecutions({ namespace, flowId: id, state, sort, page: 1, size: 25 });
  const now = useLoad(`running ${namespace}/${id}`, ask(running, "state.startDate:asc"), 3000);
  const waiting = useLoad(`queued ${namespace}/${id}`, ask(["QUEUED"], "state.startDate:asc"), 3000);
  const error = now.error ?? waiting.error;
  if (!now.data || !waiting.data) return error ? <Failure error={error} /> : <Loading />;
  const limit = concurrency?.limit, share = limit ? Math.min(1, now.data.total / limit) : 0;
  return (
    <>
      <Stale error={error} at={now.at} />
      <dl className="facts">
        <Fact name="Limit">{limit ? `${limit}, ${behaviours[concurrency?.behavior ?? "QUEUE"] ?? concurrency?.behavior}` : "none: set concurrency.limit in the source"}</Fact>
        <Fact name="Running">{now.data.total.toLocaleString()} {limit && <progress value={share} aria-label="Share of the limit in use">{Math.round(share * 100)} %</progress>}</Fact>
        <Fact name="Queued">{waiting.data.total.toLocaleString()}</Fact>
      </dl>
      <h2>Running</h2>
      {now.data.results.length ? <ExecutionTable executions={now.data.results} /> : <Empty>Nothing runs.</Empty>}
      <h2>Queued</h2>
      {waiting.data.results.length ? <ExecutionTable executions={waiting.data.results} /> : <Empty>Nothing waits.</Empty>}
    </>
  );
}
