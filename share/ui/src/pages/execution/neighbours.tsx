// SPDX-License-Identifier: Apache-2.0
import { searchExecutions } from "../../api/executions";
import { Execution } from "../../api/types";
import { navigate } from "../../app/router";
import { useAction } from "../../ui/load";
import { toast } from "../../ui/toast";
import { executionPath } from "./live";

/** The execution of the same flow that started `step` places later. Asked when it is wanted: counting is not free. */
async function neighbour({ namespace, flowId, state }: Execution, step: 1 | -1): Promise<Execution | undefined> {
  const ofFlow = { namespace, flowId, size: 1, sort: "state.startDate:desc" };
  const { total } = await searchExecutions({ ...ofFlow, startDate: state.startDate, page: 1 });
  const page = total - step;
  if (page < 1) return undefined;
  return (await searchExecutions({ ...ofFlow, page })).results[0];
}

export function Neighbours({ execution, tab }: { execution: Execution; tab: string }) {
  const action = useAction();
  const go = (step: 1 | -1) => action.run(async () => {
    try {
      const next = await neighbour(execution, step);
      if (next) navigate(executionPath(next, tab));
      else toast(step > 0 ? "This is the last execution of the flow" : "This is the first execution of the flow");
    } catch (error) {
      toast((error as Error).message, true);
    }
  });
  return (
    <>
      <button type="button" disabled={action.busy} onClick={() => go(-1)} aria-label="Previous execution of the flow" title="Previous execution of the flow">‹</button>
      <button type="button" disabled={action.busy} onClick={() => go(1)} aria-label="Next execution of the flow" title="Next execution of the flow">›</button>
    </>
  );
}
