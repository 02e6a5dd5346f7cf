// SPDX-License-Identifier: Apache-2.0
// What a viewer likes: the only thing that is kept in the browser. What a page shows stands in its address.
import { useSyncExternalStore } from "react";

const defaults = { theme: "system", zone: "", dates: "local", level: "INFO", columns: "", searches: "{}", editorSize: "14" };
export type Preference = keyof typeof defaults;

const listeners = new Set<() => void>();
const stored = (name: Preference): string | null => {
  try {
    return localStorage.getItem(`kestra.${name}`);
  } catch {
    return null; // storage is switched off: the defaults hold
  }
};

export const preference = (name: Preference): string => stored(name) ?? defaults[name];

export function setPreference(name: Preference, value: string): void {
  try {
    localStorage.setItem(`kestra.${name}`, value);
  } catch {
    // as above
  }
  applyTheme();
  listeners.forEach((listener) => listener());
}

const subscribe = (listener: () => void) => {
  listeners.add(listener);
  return () => listeners.delete(listener);
};

export const usePreference = (name: Preference): string => useSyncExternalStore(subscribe, () => preference(name));

/** The style sheet looks at <html data-theme>; without one the system decides. */
export function applyTheme(): void {
  const theme = preference("theme");
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}
