// SPDX-License-Identifier: Apache-2.0
import { useEffect, useState } from "react";
import { validateFlow } from "../../api/flows";

/** What the server says about the text, a moment after the last key. */
export function useValidation(source: string): { problems: string[]; warnings: string[] } {
  const [problems, setProblems] = useState<string[]>([]);
  const [warnings, setWarnings] = useState<string[]>([]);
  useEffect(() => {
    if (!source) return undefined;
    const timer = setTimeout(() => {
      validateFlow(source).then(
        (found) => {
          setProblems(found.flatMap((one) => one.constraints?.split("\n").filter(Boolean) ?? []));
          setWarnings(found.flatMap((one) => [...(one.warnings ?? []), ...(one.expressionWarnings ?? [])]));
        },
        (error: Error) => setProblems([error.message]),
      );
    }, 400);
    return () => clearTimeout(timer);
  }, [source]);
  return { problems, warnings };
}

export const Problems = ({ problems, warnings }: { problems: string[]; warnings: string[] }) => (
  <>
    {problems.length > 0 && <ul className="failure" role="status">{problems.map((text) => <li key={text}>{text}</li>)}</ul>}
    {warnings.length > 0 && <ul className="notice" role="status">{warnings.map((text) => <li key={text}>{text}</li>)}</ul>}
  </>
);
