// SPDX-License-Identifier: Apache-2.0
// What stands around every page: where one can go, jump-to, messages.
import { ReactNode, useEffect, useState } from "react";
import { getConfig, searchPoison } from "../api/others";
import { useLoad } from "../ui/load";
import { Toasts } from "../ui/toast";
import "../style/rest.css";
import { JumpTo } from "./jump";
import { Link, useLocation } from "./router";

export const sections: { name: string; title: string; mark: string }[] = [
  { name: "dashboard", title: "Dashboard", mark: "▦" },
  { name: "flows", title: "Flows", mark: "◇" },
  { name: "executions", title: "Executions", mark: "▷" },
  { name: "logs", title: "Logs", mark: "≡" },
  { name: "triggers", title: "Triggers", mark: "◷" },
  { name: "namespaces", title: "Namespaces", mark: "◫" },
  { name: "plugins", title: "Plugins", mark: "◆" },
  { name: "cluster", title: "Cluster", mark: "▤" },
  { name: "settings", title: "Settings", mark: "⚙" },
];

/** Where what was set aside is; there only while there is something. */
function SetAside({ current }: { current: boolean }) {
  const { data } = useLoad("poison", () => searchPoison({ page: 1, size: 1 }), 30000);
  if (!data?.total && !current) return null;
  return <Link to="poison" current={current} className="alarm"><span aria-hidden="true">⚠</span> Set aside{data?.total ? ` (${data.total})` : ""}</Link>;
}

function Navigation({ current }: { current: string }) {
  const { data } = useLoad("config", getConfig);
  return (
    <nav aria-label="Sections">
      {sections.map(({ name, title, mark }) => (
        <Link key={name} to={name} current={name === current}><span aria-hidden="true">{mark}</span> {title}</Link>
      ))}
      <SetAside current={current === "poison"} />
      <p className="version">{data?.environment?.name && <span className="tag">{data.environment.name}</span>} {data?.version}</p>
    </nav>
  );
}

export function Shell({ children }: { children: ReactNode }) {
  const { path } = useLocation();
  const [open, setOpen] = useState(false);
  const [jumping, setJumping] = useState(false);
  const current = path[0] ?? "dashboard";
  useEffect(() => setOpen(false), [path.join("/")]);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if ((event.ctrlKey || event.metaKey) && event.key === "k") {
        event.preventDefault();
        setJumping(true);
      }
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, []);
  return (
    <>
      <a className="skip" href="#main">Skip to the page</a>
      <header className="top">
        <button type="button" className="plain burger" aria-label="Sections" aria-expanded={open} onClick={() => setOpen(!open)}>☰</button>
        <Link to="dashboard" className="brand">Kestra</Link>
        <button type="button" className="jump" onClick={() => setJumping(true)}>Jump to … <kbd>Ctrl K</kbd></button>
      </header>
      <div className={open ? "frame open" : "frame"}>
        <Navigation current={current} />
        <main id="main" tabIndex={-1}>{children}</main>
      </div>
      {jumping && <JumpTo onClose={() => setJumping(false)} />}
      <Toasts />
    </>
  );
}

/** The title of the page, also of the browser's tab: tabs can be told apart. */
export function PageHead({ title, text, children }: { title: ReactNode; text: string; children?: ReactNode }) {
  useEffect(() => { document.title = `${text} · Kestra`; }, [text]);
  return <div className="bar"><h1>{title}</h1>{children}</div>;
}
