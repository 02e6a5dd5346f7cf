// SPDX-License-Identifier: Apache-2.0
// What was written and not saved is not lost silently: neither by a link, nor by the back button, nor by closing the tab.
import { useEffect, useRef } from "react";
import { addGuard } from "../app/router";
import { confirm } from "./dialog";

const ask = () => confirm("Discard what is not saved?", <p>The text goes back to what was saved last.</p>, "Discard");

/** `leave` asks when something is unsaved; `saved` says that the page may be left now, before the next render. */
export function useUnsaved(unsaved: boolean): { leave: () => Promise<boolean>; saved: () => void } {
  const now = useRef(unsaved);
  now.current = unsaved;
  const leave = async () => !now.current || ask();
  useEffect(() => {
    const onUnload = (event: BeforeUnloadEvent) => { if (now.current) event.preventDefault(); };
    window.addEventListener("beforeunload", onUnload);
    const remove = addGuard(leave);
    return () => { remove(); window.removeEventListener("beforeunload", onUnload); };
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, []);
  return { leave, saved: () => { now.current = false; } };
}
