// SPDX-License-Identifier: Apache-2.0
// Tabs are links: each has its address.
import { ReactNode } from "react";
import { Link } from "../app/router";

export interface Tab { name: string; title: ReactNode }

export const Tabs = ({ label, at, tabs, current }: { label: string; at: string; tabs: Tab[]; current: string }) => (
  <nav className="tabs" aria-label={label}>
    {tabs.map((tab) => <Link key={tab.name} to={`${at}/${tab.name}`} current={tab.name === current}>{tab.title}</Link>)}
  </nav>
);
