// SPDX-License-Identifier: Apache-2.0
import { Component, ReactNode, StrictMode, Suspense, useEffect } from "react";
import { createRoot } from "react-dom/client";
import { applyTheme } from "./app/preferences";
import { Link, navigate, useLocation } from "./app/router";
import { findPage } from "./app/routes";
import { Shell } from "./app/shell";
import "codemirror/lib/codemirror.css";
import "codemirror/addon/dialog/dialog.css";
import "codemirror/addon/fold/foldgutter.css";
import "codemirror/addon/hint/show-hint.css";
import "./style/main.css";
import "./style/flow.css";
import "./style/graph.css";
import "./style/execution.css";
import { Empty, Failure, Loading } from "./ui/basics";

/** A fault in a page leaves the rest of the interface usable. */
class Boundary extends Component<{ children: ReactNode }, { error?: Error }> {
  state: { error?: Error } = {};
  static getDerivedStateFromError = (error: Error) => ({ error });
  render() {
    return this.state.error ? <Failure error={this.state.error} /> : this.props.children;
  }
}

function Redirect({ to }: { to: string }) {
  useEffect(() => navigate(to, true), [to]);
  return null;
}

function App() {
  const { path } = useLocation();
  const found = findPage(path);
  const Page = found?.page;
  let shown = <Empty>There is no such page. <Link to="flows">Flows</Link></Empty>;
  if (found?.to !== undefined) shown = <Redirect to={found.to} />;
  else if (Page) shown = <Suspense fallback={<Loading />}><Page names={found.names} /></Suspense>;
  // Another thing is another page; another tab of it is not.
  const { tab: _tab, ...thing } = found?.names ?? {};
  return <Shell><Boundary key={[path[0], ...Object.values(thing)].join("/")}>{shown}</Boundary></Shell>;
}

applyTheme();
const root = document.getElementById("app");
if (root) createRoot(root).render(<StrictMode><App /></StrictMode>);
