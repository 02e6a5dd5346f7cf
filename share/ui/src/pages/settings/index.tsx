// SPDX-License-Identifier: Apache-2.0
import { getConfig } from "../../api/others";
import { levels } from "../../api/types";
import { Preference, setPreference, usePreference } from "../../app/preferences";
import { PageHead } from "../../app/shell";
import { Fact } from "../../ui/basics";
import { useLoad } from "../../ui/load";

interface Choice { name: Preference; title: string; options: [string, string][] }
const choices: Choice[] = [
  { name: "theme", title: "Theme", options: [["system", "as the system"], ["light", "light"], ["dark", "dark"]] },
  { name: "dates", title: "Dates", options: [["local", "as the browser writes them"], ["iso", "2026-12-31 23:59:59"]] },
  { name: "level", title: "Lowest level of logs", options: levels.map((level) => [level, level]) },
  { name: "editorSize", title: "Size of the editor's text", options: ["12", "13", "14", "16", "18"].map((size) => [size, `${size} px`]) },
];

function Select({ name, title, options }: Choice) {
  const value = usePreference(name);
  return (
    <label className="field">{title}
      <select value={value} onChange={(event) => setPreference(name, event.target.value)}>
        {options.map(([option, text]) => <option key={option} value={option}>{text}</option>)}
      </select>
    </label>
  );
}

function Zone() {
  const value = usePreference("zone");
  const zones = (Intl as unknown as { supportedValuesOf?: (key: string) => string[] }).supportedValuesOf?.("timeZone") ?? [];
  return (
    <label className="field">Time zone
      <select value={value} onChange={(event) => setPreference("zone", event.target.value)}>
        <option value="">of the browser ({Intl.DateTimeFormat().resolvedOptions().timeZone})</option><option>UTC</option>
        {zones.map((zone) => <option key={zone}>{zone}</option>)}
      </select>
    </label>
  );
}

export default function SettingsPage() {
  const { data } = useLoad("config", getConfig);
  return (
    <>
      <PageHead title="Settings" text="Settings" />
      <section className="card form"><h2>This browser</h2>{choices.map((choice) => <Select key={choice.name} {...choice} />)}<Zone /></section>
      <section className="card"><h2>This server</h2>
        <dl className="facts"><Fact name="Version">{data?.version}</Fact><Fact name="Environment">{data?.environment?.name ?? "–"}</Fact><Fact name="Address">{data?.url ?? location.origin}</Fact></dl>
        <p className="quiet">The server's settings are in <code>/etc/kestra/kestra.yaml</code>; <code>man kestra.yaml</code> explains them.</p>
      </section>
    </>
  );
}
