// SPDX-License-Identifier: Apache-2.0
// The execution as it is now.
import { useEffect, useState } from "react";
import { followExecution, getExecution } from "../../api/executions";
import { Execution, TaskRun } from "../../api/types";
import { useLoad } from "../../ui/load";

export interface LiveExecution { execution?: Execution; error?: Error; reload: () => void }

/** Kept up to date by server-sent events until it ends; `reload` follows it again, after what has made it go on. */
export function useExecution(id: string): LiveExecution {
  const { data, error, reload } = useLoad(id, () => getExecution(id));
  const [live, setLive] = useState<Execution>();
  const [round, setRound] = useState(0);
  useEffect(() => {
    // Many task runs change at once: one drawing a frame shows them all.
    let waiting: Execution | undefined, frame = 0;
    const draw = () => { frame = 0; setLive(waiting); };
    const stop = followExecution(id, { onData: (next) => { waiting = next; frame ||= requestAnimationFrame(draw); } });
    return () => { stop(); cancelAnimationFrame(frame); };
  }, [id, round]);
  return {
    execution: live?.id === id ? live : data, error,
    reload: () => { setLive(undefined); reload(); setRound((n) => n + 1); },
  };
}

/** The name of a task run: a loop runs a task many times. */
export const runTitle = (run: TaskRun) => `${run.taskId}${run.value !== undefined ? ` [${run.value}]` : ""}`;
export const executionPath = (one: { namespace: string; flowId: string; id: string }, tab = "overview") =>
  `executions/${one.namespace}/${one.flowId}/${one.id}/${tab}`;
/** The page, whatever the flow of the execution is. */
export async function pathOfExecution(id: string): Promise<string> {
  return executionPath(await getExecution(id));
}
