// SPDX-License-Identifier: Apache-2.0
import { useEffect, useState } from "react";
import { validateFlow } from "../../api/flows";

export interface Validation { /** The text that was checked. */ source: string; problems: string[]; warnings: string[] }
const fine: Validation = { source: "", problems: [], warnings: [] };

/** What the server says about the text, a moment after the last key. An answer for an older text is dropped. */
export function useValidation(source: string): Validation {
  const [found, setFound] = useState(fine);
  useEffect(() => {
    if (!source) {
      setFound(fine);
      return undefined;
    }
    let gone = false;
    const tell = (problems: string[], warnings: string[]) => { if (!gone) setFound({ source, problems, warnings }); };
    const timer = setTimeout(() => {
      validateFlow(source).then(
        (all) => tell(all.flatMap((one) => one.constraints?.split(/\n(?! )/).filter(Boolean) ?? []), all.flatMap((one) => [...(one.warnings ?? []), ...(one.expressionWarnings ?? [])])),
        (error: Error) => tell([error.message], []),
      );
    }, 350);
    return () => { gone = true; clearTimeout(timer); };
  }, [source]);
  return found;
}

export interface Problem { text: string; line: number; column: number; kind: "error" | "warning" }

/** A problem leads to its place in the text. */
export function Problems({ found, onPick }: { found: Problem[]; onPick: (problem: Problem) => void }) {
  return (
    <div role="status">
      {(["error", "warning"] as const).map((kind) => {
        const some = found.filter((one) => one.kind === kind);
        return some.length > 0 && (
          <ul key={kind} className={kind === "error" ? "failure problems" : "notice problems"} aria-label={kind === "error" ? "Errors" : "Warnings"}>
            {some.map((one) => <li key={one.text}><button type="button" className="plain" onClick={() => onPick(one)}>{one.line + 1}:{one.column + 1}</button> {one.text}</li>)}
          </ul>
        );
      })}
    </div>
  );
}
