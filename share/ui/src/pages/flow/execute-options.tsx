// SPDX-License-Identifier: Apache-2.0
// What an execution is started with beside its inputs.
import { Start, webhookAddress } from "../../api/executions-start";
import { Flow, Label } from "../../api/types";
import { Copy } from "../../ui/basics";

export interface StartOptions { labels: Label[]; scheduleDate: string; revision: string }

export const startOf = ({ labels, scheduleDate, revision }: StartOptions): Start => ({
  labels: labels.filter(({ key }) => key).map(({ key, value }) => `${key}:${value}`),
  scheduleDate: scheduleDate ? new Date(scheduleDate).toISOString() : undefined,
  revision: revision ? Number(revision) : undefined,
});

export function LabelRows({ labels, onChange }: { labels: Label[]; onChange: (labels: Label[]) => void }) {
  const change = (index: number, part: Partial<Label>) => onChange(labels.map((one, at) => (at === index ? { ...one, ...part } : one)));
  return (
    <div className="elements" role="group" aria-label="Labels">
      {labels.map((label, index) => (
        <span key={index}>
          <input aria-label={`Key of label ${index + 1}`} placeholder="key" value={label.key} onChange={(event) => change(index, { key: event.target.value })} />
          <input aria-label={`Value of label ${index + 1}`} placeholder="value" value={label.value} onChange={(event) => change(index, { value: event.target.value })} />
          <button type="button" aria-label={`Remove label ${index + 1}`} onClick={() => onChange(labels.filter((_, at) => at !== index))}>✕</button>
        </span>
      ))}
      <button type="button" onClick={() => onChange([...labels, { key: "", value: "" }])}>Add a label</button>
    </div>
  );
}

export function StartForm({ options, onChange, latest }: { options: StartOptions; onChange: (options: StartOptions) => void; latest: number }) {
  const set = (part: Partial<StartOptions>) => onChange({ ...options, ...part });
  const many = options.labels.length > 0 || options.scheduleDate || options.revision;
  return (
    <details open={Boolean(many) || undefined}>
      <summary>Labels, date and revision</summary>
      <div className="fields">
        <div className="field"><span>Labels</span><LabelRows labels={options.labels} onChange={(labels) => set({ labels })} /></div>
        <label className="field">Start at <span className="quiet">empty: now</span>
          <input type="datetime-local" value={options.scheduleDate} onChange={(event) => set({ scheduleDate: event.target.value })} /></label>
        <label className="field">Revision <span className="quiet">empty: the latest</span>
          <input type="number" min="1" max={latest} step="1" placeholder={String(latest)} value={options.revision} onChange={(event) => set({ revision: event.target.value })} /></label>
      </div>
    </details>
  );
}

/** Addresses that start it from elsewhere. */
export function Webhooks({ flow }: { flow: Flow }) {
  const hooks = flow.triggers?.filter(({ type, key }) => type.endsWith(".Webhook") && typeof key === "string") ?? [];
  if (!hooks.length) return null;
  return (
    <details>
      <summary>By webhook</summary>
      {hooks.map((hook) => {
        const address = webhookAddress(flow.namespace, flow.id, String(hook.key));
        return <p key={hook.id} className="field"><span>{hook.id}</span><span className="elements"><span><input readOnly aria-label={`Address of ${hook.id}`} value={address} /><Copy text={address} /></span></span></p>;
      })}
    </details>
  );
}
