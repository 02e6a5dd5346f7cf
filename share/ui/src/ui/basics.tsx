// SPDX-License-Identifier: Apache-2.0
// The smallest pieces: states, dates, durations, labels, what stands where there is nothing.
import { ReactNode, useEffect, useState } from "react";
import { isTerminal, Label, State, StateName } from "../api/types";
import { useNow } from "./load";
import { dateText, humanDuration, relative } from "./text";

/** A shape beside the colour: states can be told apart without it. */
const marks: Record<StateName, string> = {
  CREATED: "○", QUEUED: "◔", RUNNING: "▶", RESTARTED: "↻", PAUSED: "‖", RETRYING: "↻", KILLING: "✕", SUCCESS: "✓", WARNING: "!", FAILED: "✕",
  KILLED: "■", CANCELLED: "⊘", RETRIED: "↻", SKIPPED: "»",
};
export const stateMark = (state: StateName) => marks[state];
export const StateBadge = ({ state }: { state: StateName }) => (
  <span className={`state state-${state.toLowerCase()}`}><span aria-hidden="true">{marks[state]}</span> {state}</span>
);

/** A date in the viewer's zone; hover shows UTC. */
export const When = ({ date, short }: { date?: string; short?: boolean }) =>
  date ? <time dateTime={date} title={new Date(date).toISOString()}>{dateText(date, !short)}</time> : <span className="quiet">–</span>;

/** "in 3 min", counting. */
export function Relative({ date }: { date?: string }) {
  const now = useNow(Boolean(date), 1000);
  if (!date) return <span className="quiet">–</span>;
  return <time dateTime={date} title={dateText(date)}>{relative(date, now)}</time>;
}

/** How long something has been in its states; counts on while it runs. */
export function Duration({ state }: { state: State }) {
  const running = !isTerminal(state.current);
  const now = useNow(running);
  const end = running ? now : Date.parse(state.endDate ?? state.histories[state.histories.length - 1]?.date ?? state.startDate);
  return <span className="number-text">{humanDuration(end - Date.parse(state.startDate))}</span>;
}

/** Labels of the system (system.…) are not shown unless asked for. */
export const Labels = ({ labels, all }: { labels?: Label[]; all?: boolean }) => (
  <>{labels?.filter((label) => all || !label.key.startsWith("system.")).map((label) => (
    <span className="tag" key={label.key} title={`${label.key}: ${label.value}`}>{label.key}: {label.value}</span>
  ))}</>
);

export const Failure = ({ error }: { error?: Error }) => (error ? <p className="failure" role="alert">{error.message}</p> : null);
export const Empty = ({ children }: { children: ReactNode }) => <div className="empty">{children}</div>;

/** Stands for what is loading; appears only when that takes a moment. */
export function Loading({ what = "Loading" }: { what?: string }) {
  const [shown, setShown] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setShown(true), 200);
    return () => clearTimeout(timer);
  }, []);
  return <div className="loading" role="status">{shown && `${what} …`}</div>;
}

/** What is shown is older than it should be, and why. */
export const Stale = ({ error, at }: { error?: Error; at?: Date }) =>
  error && at ? <p className="stale" role="status">As of {dateText(at.getTime(), false)}: {error.message}</p> : null;

export function Copy({ text, children }: { text: string; children?: ReactNode }) {
  const [done, setDone] = useState(false);
  const copy = () => navigator.clipboard.writeText(text).then(() => {
    setDone(true);
    setTimeout(() => setDone(false), 1500);
  }, () => window.prompt("Copy this text", text)); // no clipboard without TLS
  return <button type="button" className="small" onClick={copy} title={`Copy ${text.slice(0, 60)}`}>{done ? "Copied" : children ?? "Copy"}</button>;
}

/** One fact of a list of facts. */
export const Fact = ({ name, children }: { name: string; children: ReactNode }) => (
  <div className="fact"><dt>{name}</dt><dd>{children}</dd></div>
);
