// SPDX-License-Identifier: Apache-2.0
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { searchPoison } from "./api";
import { Empty, useLoad } from "./components";
import { ExecutionPage } from "./pages/execution";
import { ExecutionsPage } from "./pages/executions";
import { FlowPage, NewFlowPage } from "./pages/flow";
import { FlowsPage } from "./pages/flows";
import { PoisonPage } from "./pages/poison";
import { TriggersPage } from "./pages/triggers";
import { Link, useLocation } from "./router";
import "./style.css";

/** First matching row wins; `:name` takes one segment. */
const pages: [string[], (names: Record<string, string>) => JSX.Element][] = [
  [[], () => <FlowsPage />],
  [["flows"], () => <FlowsPage />],
  [["flows", "new"], () => <NewFlowPage />],
  [["flows", ":namespace", ":id"], ({ namespace, id }) => <FlowPage key={`${namespace}/${id}`} namespace={namespace} id={id} />],
  [["executions"], () => <ExecutionsPage />],
  [["triggers"], () => <TriggersPage />],
  [["poison"], () => <PoisonPage />],
  [["executions", ":namespace", ":flow", ":id"], ({ id }) => <ExecutionPage key={id} id={id} />],
];

function match(pattern: string[], path: string[]): Record<string, string> | undefined {
  if (pattern.length !== path.length) return undefined;
  const names: Record<string, string> = {};
  for (let i = 0; i < pattern.length; i++) {
    if (pattern[i].startsWith(":")) names[pattern[i].slice(1)] = path[i];
    else if (pattern[i] !== path[i]) return undefined;
  }
  return names;
}

/** Where what was set aside is; there only while there is something. */
function PoisonLink({ current }: { current: boolean }) {
  const { data } = useLoad("poison", () => searchPoison(1, 1), 30000);
  if (!data?.total && !current) return null;
  return <Link to="poison" current={current}>Set aside{data?.total ? ` (${data.total})` : ""}</Link>;
}

function App() {
  const { path } = useLocation();
  let page = <Empty>There is no such page.</Empty>;
  for (const [pattern, render] of pages) {
    const names = match(pattern, path);
    if (names) {
      page = render(names);
      break;
    }
  }
  const section = path[0] ?? "flows";
  return (
    <>
      <header className="top">
        <Link to="flows" className="brand">Kestra</Link>
        <nav aria-label="Sections">
          <Link to="flows" current={section === "flows"}>Flows</Link>
          <Link to="executions" current={section === "executions"}>Executions</Link>
          <Link to="triggers" current={section === "triggers"}>Triggers</Link>
          <PoisonLink current={section === "poison"} />
        </nav>
      </header>
      <main>{page}</main>
    </>
  );
}

const root = document.getElementById("app");
if (root) createRoot(root).render(<StrictMode><App /></StrictMode>);
