// SPDX-License-Identifier: Apache-2.0
// Short messages about what has just been done; errors stay until they are closed.
import { useSyncExternalStore } from "react";

interface Toast { id: number; text: string; error: boolean }
let toasts: Toast[] = [];
let nextId = 1;
const listeners = new Set<() => void>();

function change(next: Toast[]): void {
  toasts = next;
  listeners.forEach((listener) => listener());
}

export function toast(text: string, error = false): void {
  const id = nextId++;
  change([...toasts.slice(-3), { id, text, error }]);
  if (!error) setTimeout(() => change(toasts.filter((one) => one.id !== id)), 4000);
}

/** Does it, and says how it went. */
export const telling = (done: string, action: () => Promise<unknown>): Promise<boolean> =>
  action().then(() => { toast(done); return true; }, (error: Error) => { toast(error.message, true); return false; });

const subscribe = (listener: () => void) => {
  listeners.add(listener);
  return () => listeners.delete(listener);
};

export function Toasts() {
  const shown = useSyncExternalStore(subscribe, () => toasts);
  return (
    <div className="toasts" role="status" aria-live="polite">
      {shown.map((one) => (
        <div key={one.id} className={one.error ? "toast error" : "toast"}>
          <span>{one.text}</span>
          <button type="button" className="plain" aria-label="Close message" onClick={() => change(toasts.filter((other) => other.id !== one.id))}>✕</button>
        </div>
      ))}
    </div>
  );
}
