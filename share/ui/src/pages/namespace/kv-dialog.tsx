// SPDX-License-Identifier: Apache-2.0
// A key of the store, new or changed. What is sent is JSON, except what has no form there.
import { useEffect, useState } from "react";
import { getKv, putKv } from "../../api/others";
import { Dialog } from "../../ui/dialog";
import { useAction } from "../../ui/load";
import { toast } from "../../ui/toast";

const types = ["STRING", "NUMBER", "BOOLEAN", "DATETIME", "DATE", "DURATION", "JSON"] as const;
type Type = (typeof types)[number];
const examples: Record<Type, string> = { STRING: "text", NUMBER: "42", BOOLEAN: "true", DATETIME: "2026-12-31T23:59:59Z", DATE: "2026-12-31", DURATION: "PT1H30M", JSON: "{\"a\": 1}" };

const patterns: Partial<Record<Type, RegExp>> = {
  NUMBER: /^-?\d+(\.\d+)?([eE][-+]?\d+)?$/, BOOLEAN: /^(true|false)$/, DATETIME: /^\d{4}-\d\d-\d\dT[\d:.]+(Z|[-+]\d\d:?\d\d)$/, DATE: /^\d{4}-\d\d-\d\d$/,
  DURATION: /^P(?=[\dT])(\d+D)?(T(?=\d)(\d+H)?(\d+M)?([\d.]+S)?)?$/,
};

/** What is wrong with the value, or nothing. */
export function valueFault(type: Type, text: string): string | undefined {
  const pattern = patterns[type];
  if (pattern && !pattern.test(text.trim())) return `'${text.slice(0, 40)}' is no ${type}, as ${examples[type]} is`;
  if (type !== "JSON") return undefined;
  try {
    JSON.parse(text);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

export function KvDialog({ namespace, name, onClose, onDone }: { namespace: string; name?: string; onClose: () => void; onDone: () => void }) {
  const action = useAction(), reading = useAction();
  const [key, setKey] = useState(name ?? "");
  const [type, setType] = useState<Type>("STRING");
  const [value, setValue] = useState("");
  const [ttl, setTtl] = useState("");
  const [tried, setTried] = useState(false);
  useEffect(() => {
    if (name) reading.run(async () => {
      const old = await getKv(namespace, name);
      setType(types.includes(old.type as Type) ? (old.type as Type) : "JSON");
      setValue(typeof old.value === "string" ? old.value : JSON.stringify(old.value ?? null, null, 2));
    });
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [namespace, name]);
  const fault = valueFault(type, value);
  const submit = () => {
    setTried(true);
    if (fault) return;
    action.run(async () => {
      await putKv(namespace, key, type === "STRING" ? JSON.stringify(value) : value.trim(), ttl || undefined);
      toast(`${key} is stored`);
      onDone();
    });
  };
  return (
    <Dialog title={name ? `Change ${name}` : "New key"} submit="Store" action={action.error ? action : reading.error ? reading : action} disabled={reading.busy} onClose={onClose} onSubmit={submit}>
      {!name && <label className="field">Key<input required autoFocus pattern="[a-zA-Z0-9][a-zA-Z0-9._\-]*" title="letters, digits, dots, underscores, hyphens" value={key} onChange={(event) => setKey(event.target.value)} /></label>}
      <label className="field">Type<select value={type} onChange={(event) => setType(event.target.value as Type)}>{types.map((one) => <option key={one}>{one}</option>)}</select></label>
      <label className="field">Value<textarea rows={type === "JSON" ? 8 : 3} required={type !== "STRING"} placeholder={examples[type]} value={value} aria-invalid={tried && Boolean(fault)} onChange={(event) => setValue(event.target.value)} /></label>
      {tried && fault && <p className="failure" role="alert">{fault}</p>}
      <label className="field">Time to live, if it has one<input placeholder="PT24H" pattern="P.+" title="a duration: PT24H, P7D" value={ttl} onChange={(event) => setTtl(event.target.value)} /></label>
    </Dialog>
  );
}
