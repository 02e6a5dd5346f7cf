// SPDX-License-Identifier: Apache-2.0
// How a page gets what it shows, and does what its buttons say.
import { useCallback, useEffect, useRef, useState } from "react";

export interface Loaded<T> {
  data?: T;
  error?: Error;
  /** When `data` came; with `error` set, what is shown is as old as this. */
  at?: Date;
  reload: () => void;
}

/** Loads when `key` changes, and again every `interval` milliseconds while the page is visible. What an earlier key asked for is dropped. */
export function useLoad<T>(key: string, load: () => Promise<T>, interval?: number): Loaded<T> {
  const [result, setResult] = useState<{ key: string; data?: T; error?: Error; at?: Date }>({ key });
  const latest = useRef({ load, key });
  latest.current = { load, key };
  const reload = useCallback(() => {
    const asked = latest.current.key;
    latest.current.load().then(
      (data) => { if (latest.current.key === asked) setResult({ key: asked, data, at: new Date() }); },
      (error: Error) => { if (latest.current.key === asked) setResult((old) => (old.key === asked ? { ...old, error } : { key: asked, error })); },
    );
  }, []);
  useEffect(() => {
    reload();
    if (!interval) return undefined;
    const timer = setInterval(() => { if (!document.hidden) reload(); }, interval);
    return () => clearInterval(timer);
  }, [key, reload, interval]);
  const current = result.key === key;
  return { data: current ? result.data : undefined, error: current ? result.error : undefined, at: current ? result.at : undefined, reload };
}

export interface Action { busy: boolean; error?: Error; run: (action: () => Promise<unknown>) => void }

/** The state of a button that does something at the server: busy while it runs, the error when it failed. */
export function useAction(): Action {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<Error>();
  const run = (action: () => Promise<unknown>) => {
    setBusy(true);
    setError(undefined);
    action().catch((caught: Error) => setError(caught)).finally(() => setBusy(false));
  };
  return { busy, error, run };
}

/** A clock that ticks while something runs: `now` in milliseconds. */
export function useNow(ticking: boolean, interval = 250): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    if (!ticking) return undefined;
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), interval);
    return () => clearInterval(timer);
  }, [ticking, interval]);
  return now;
}
