// SPDX-License-Identifier: Apache-2.0
// What ran when: a row a task run, a bar a try, under a scale of time.
import { useMemo, useState } from "react";
import { Execution, isTerminal } from "../../api/types";
import { useParameter } from "../../app/router";
import { Empty } from "../../ui/basics";
import { useNow } from "../../ui/load";
import { humanDuration } from "../../ui/text";
import { VirtualList } from "../../ui/virtual";
import { rowsOf, spanOf, ticksOf } from "./gantt-rows";
import { GanttRow } from "./gantt-row";
import { TaskRunDetail } from "./task-run";

const rowHeight = 32, detailHeight = 280;
const zooms = [1, 2, 4, 8, 16, 32];

function Scale({ length, zoom, from }: { length: number; zoom: number; from: number }) {
  const shown = length / zoom;
  return (
    <div className="gantt-scale" aria-hidden="true">
      <span /><span className="gantt-line">
        {ticksOf(length, 6 * zoom).map((tick) => ({ tick, at: (100 * (tick - from)) / shown })).filter(({ at }) => at >= -0.01 && at <= 97).map(({ tick, at }) => (
          <span key={tick} className="gantt-tick" style={{ left: `${at}%` }}>{tick ? humanDuration(tick).replace(/\.0+ s$/, " s").replace(/ 0 (s|min|h)$/, "") : "0"}</span>
        ))}
      </span>
    </div>
  );
}

export function Gantt({ execution, reload }: { execution: Execution; reload: () => void }) {
  const running = !isTerminal(execution.state.current), now = useNow(running);
  const [closed, setClosed] = useState(new Set<string>());
  const [open, setOpen] = useParameter("taskRun");
  const [zoomText, setZoom] = useParameter("zoom", "1");
  const [offset, setOffset] = useParameter("at", "0");
  const runs = execution.taskRunList;
  const rows = useMemo(() => rowsOf(runs ?? [], closed), [runs, closed]);
  const { start, end } = spanOf(execution, now);
  const zoom = zooms.includes(Number(zoomText)) ? Number(zoomText) : 1, length = end - start;
  const from = Math.min(Math.max(0, Number(offset) || 0), 1 - 1 / zoom) * length;
  const window = { start: start + from, length: length / zoom };
  // Only what the address opened is brought into sight, not every click.
  const [first] = useState(open);
  if (!rows.length) return <Empty>{running ? "No task has started yet." : "No task has run."}</Empty>;
  const toggle = (id: string) => setClosed((old) => { const next = new Set(old); if (!next.delete(id)) next.add(id); return next; });
  const row = (index: number) => {
    const one = rows[index];
    return (
      <>
        <GanttRow row={one} window={window} now={now} open={one.run.id === open} closed={closed.has(one.run.id)}
                  onOpen={() => setOpen(one.run.id === open ? "" : one.run.id)} onToggle={() => toggle(one.run.id)} />
        {one.run.id === open && <div className="gantt-detail" style={{ height: detailHeight }}><TaskRunDetail execution={execution} run={one.run} reload={reload} /></div>}
      </>
    );
  };
  const parents = rows.filter(({ children }) => children > 0);
  return (
    <section aria-label="Task runs over time">
      <div className="bar gantt-tools">
        <span className="quiet">{(runs?.length ?? 0).toLocaleString()} task runs in {humanDuration(length)}</span>
        <label>Zoom <select value={zoom} onChange={(event) => setZoom(event.target.value)}>{zooms.map((one) => <option key={one} value={one}>{one}×</option>)}</select></label>
        {zoom > 1 && <label>Window <input type="range" min="0" max={1 - 1 / zoom} step={0.2 / zoom} value={Math.min(Number(offset) || 0, 1 - 1 / zoom)} onChange={(event) => setOffset(event.target.value)} /></label>}
        {parents.length > 0 && <button type="button" onClick={() => setClosed(new Set(closed.size ? [] : parents.map(({ run }) => run.id)))}>{closed.size ? "Open all" : "Close all"}</button>}
      </div>
      <div className="gantt-chart">
        <Scale length={length} zoom={zoom} from={from} />
        <VirtualList label="Task runs" count={rows.length} version={`${rows.length} ${open} ${closed.size}`} className="gantt-list"
                     heightOf={(index) => (rows[index].run.id === open ? rowHeight + detailHeight : rowHeight)} row={row}
                     showIndex={first ? rows.findIndex(({ run }) => run.id === first) : undefined} />
      </div>
    </section>
  );
}
