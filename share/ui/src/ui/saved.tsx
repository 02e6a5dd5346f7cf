// SPDX-License-Identifier: Apache-2.0
// Searches of a list with a name: what stands in the address, kept in the browser.
import { useState } from "react";
import { setPreference, usePreference } from "../app/preferences";
import { navigate, useLocation } from "../app/router";
import { Dialog } from "./dialog";
import { Command, Menu } from "./menu";
import { toast } from "./toast";

type Saved = Record<string, Record<string, string>>;

function parse(text: string): Saved {
  try {
    return JSON.parse(text) as Saved;
  } catch {
    return {}; // somebody changed it by hand
  }
}

function NameDialog({ onClose, onName }: { onClose: () => void; onName: (name: string) => void }) {
  const [name, setName] = useState("");
  return (
    <Dialog title="Save this search" submit="Save" onClose={onClose} onSubmit={() => onName(name.trim())}>
      <label className="field">Name<input required autoFocus value={name} onChange={(event) => setName(event.target.value)} /></label>
      <p className="quiet">It is kept in this browser. The address of the page is the same search for everybody else.</p>
    </Dialog>
  );
}

export function SavedSearches({ list }: { list: string }) {
  const { path, query } = useLocation();
  const saved = parse(usePreference("searches")), mine = saved[list] ?? {};
  const [naming, setNaming] = useState(false);
  const now = query.toString(), current = Object.keys(mine).find((name) => mine[name] === now);
  const write = (next: Record<string, string>) => setPreference("searches", JSON.stringify({ ...saved, [list]: next }));
  const commands: Command[] = Object.entries(mine).map(([name, search]) => ({ label: name, run: () => navigate(`${path.join("/")}?${search}`) }));
  commands.push({ label: "Save this search …", refused: now ? undefined : "nothing is searched for", run: () => setNaming(true) });
  if (current) commands.push({ label: `Forget “${current}”`, danger: true, run: () => write(Object.fromEntries(Object.entries(mine).filter(([name]) => name !== current))) });
  return (
    <span className="saved">
      <Menu label={current ?? "Saved searches"} commands={commands} />
      {naming && <NameDialog onClose={() => setNaming(false)} onName={(name) => { write({ ...mine, [name]: now }); setNaming(false); toast(`“${name}” is saved`); }} />}
    </span>
  );
}
