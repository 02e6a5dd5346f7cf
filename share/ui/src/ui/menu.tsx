// SPDX-License-Identifier: Apache-2.0
// A button that opens a list of commands: arrow keys move, Escape and a click elsewhere close it.
import { KeyboardEvent, ReactNode, useEffect, useRef, useState } from "react";

export interface Command {
  label: string;
  run: () => void;
  danger?: boolean;
  /** Why it cannot be done now; shown, and the command is not run. */
  refused?: string;
}

export function Menu({ label, commands, className }: { label: ReactNode; commands: Command[]; className?: string }) {
  const [open, setOpen] = useState(false);
  const place = useRef<HTMLDivElement>(null);
  const items = () => [...(place.current?.querySelectorAll<HTMLButtonElement>('[role="menuitem"]') ?? [])];
  useEffect(() => {
    if (!open) return undefined;
    items()[0]?.focus();
    const close = (event: Event) => { if (!place.current?.contains(event.target as Node)) setOpen(false); };
    document.addEventListener("pointerdown", close);
    return () => document.removeEventListener("pointerdown", close);
  }, [open]);
  const onKey = (event: KeyboardEvent) => {
    const all = items(), index = all.indexOf(document.activeElement as HTMLButtonElement);
    const to = { ArrowDown: index + 1, ArrowUp: index - 1, Home: 0, End: all.length - 1 }[event.key];
    if (event.key === "Escape" || event.key === "Tab") {
      setOpen(false);
      if (event.key === "Escape") place.current?.querySelector("button")?.focus();
    } else if (to !== undefined) {
      event.preventDefault();
      all[(to + all.length) % all.length]?.focus();
    }
  };
  return (
    <div className="menu" ref={place} onKeyDown={open ? onKey : undefined}>
      <button type="button" className={className} aria-haspopup="menu" aria-expanded={open} onClick={() => setOpen(!open)}>{label}</button>
      {open && (
        <ul role="menu">
          {commands.map((command) => (
            <li key={command.label} role="none">
              <button type="button" role="menuitem" className={command.danger ? "danger" : undefined} aria-disabled={Boolean(command.refused)}
                      title={command.refused} onClick={() => { if (!command.refused) { setOpen(false); command.run(); } }}>
                {command.label}{command.refused && <small>{command.refused}</small>}
              </button>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

