// SPDX-License-Identifier: Apache-2.0
// Log lines, as many as there are: only those in sight are drawn.
import { useEffect, useRef, useState } from "react";
import { LogEntry } from "../../api/types";
import { TerminalText } from "../../ui/ansi";
import { dateText } from "../../ui/text";
import { VirtualList } from "../../ui/virtual";
import { linesOf } from "./log-lines";

const lineHeight = 20;
/** Characters of what stands before a message: time, level and task. */
const before = { wide: 13 + 6 + 19, narrow: 0 };

/** How wide a character of the log is. */
function useCharacter(): [React.RefObject<HTMLSpanElement>, number] {
  const probe = useRef<HTMLSpanElement>(null);
  const [width, setWidth] = useState(8);
  useEffect(() => { if (probe.current) setWidth(probe.current.getBoundingClientRect().width / 100 || 8); }, []);
  return [probe, width];
}

interface LogListProps { entries: LogEntry[]; search?: string; follow?: boolean; short?: boolean }

export function LogList({ entries, search, follow, short }: LogListProps) {
  const [probe, character] = useCharacter();
  const [width, setWidth] = useState(900);
  const narrow = width < 640;
  const columns = Math.floor((width - 28) / character) - (narrow ? before.narrow : before.wide);
  const row = (index: number) => {
    const { timestamp, level, taskId, message = "" } = entries[index];
    return (
      <div className={`log-line level-${level.toLowerCase()} ${narrow ? "narrow" : ""}`}>
        <span className="log-head"><time dateTime={timestamp} title={dateText(timestamp)}>{dateText(timestamp, false, true)}</time> <b>{level}</b> <span className="log-task" title={taskId}>{taskId}</span></span>
        <span className="message"><TerminalText text={message} search={search} /></span>
      </div>
    );
  };
  return (
    <>
      <span className="log-probe" ref={probe} aria-hidden="true">{"0".repeat(100)}</span>
      <VirtualList label="Log lines" count={entries.length} version={`${entries.length} ${entries[0]?.timestamp} ${columns} ${search}`} row={row} followEnd={follow} onWidth={setWidth}
                   heightOf={(index) => lineHeight * (linesOf(entries[index].message ?? "", columns) + (narrow ? 1 : 0))} className={short ? "log-list short" : "log-list"} />
    </>
  );
}
