// SPDX-License-Identifier: Apache-2.0
// Sizes, durations and dates as people read them.
import { preference } from "../app/preferences";

export function humanSize(bytes: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (bytes >= 1024 && unit < units.length - 1) {
    bytes /= 1024;
    unit++;
  }
  return `${unit ? bytes.toFixed(1) : bytes} ${units[unit]}`;
}

export function humanDuration(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.max(0, Math.round(milliseconds))} ms`;
  const seconds = milliseconds / 1000;
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 2 : 1)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.floor(seconds % 60)} s`;
  if (minutes < 48 * 60) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  return `${Math.floor(minutes / 1440)} d ${Math.floor(minutes / 60) % 24} h`;
}

/** Milliseconds of an ISO-8601 duration as Java writes it (PT1H2M3.4S), or of seconds. */
export function durationOf(text: string | number): number {
  if (typeof text === "number") return text * 1000;
  const [, hours, minutes, seconds] = /^PT(?:(-?\d+)H)?(?:(-?\d+)M)?(?:(-?[\d.]+)S)?$/.exec(text) ?? [];
  return 1000 * (3600 * Number(hours ?? 0) + 60 * Number(minutes ?? 0) + Number(seconds ?? 0));
}

/** "in 3 min", "2 h ago". */
export function relative(date: string, now: number): string {
  const difference = Date.parse(date) - now;
  const words = humanDuration(Math.max(1000, Math.abs(difference))).replace(/\.\d+ s/, " s").replace(/(min|h|d) .*/, "$1");
  return difference > 0 ? `in ${words}` : `${words} ago`;
}

/** In the viewer's time zone and format, or those of the settings. */
export function dateText(date: string | number, withDate = true, withMilliseconds = false): string {
  const zone = preference("zone"), style = preference("dates");
  const instant = new Date(date);
  if (style === "iso") return isoText(instant, zone || undefined, withDate, withMilliseconds);
  const options: Intl.DateTimeFormatOptions = { hour: "2-digit", minute: "2-digit", second: "2-digit", timeZone: zone || undefined };
  if (withDate) Object.assign(options, { day: "numeric", month: "short", year: "numeric" });
  if (withMilliseconds) Object.assign(options, { fractionalSecondDigits: 3 });
  return instant.toLocaleString(undefined, options);
}

function isoText(instant: Date, timeZone: string | undefined, withDate: boolean, withMilliseconds: boolean): string {
  const format = new Intl.DateTimeFormat("en-CA", {
    timeZone, hourCycle: "h23", year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit",
  });
  const part = Object.fromEntries(format.formatToParts(instant).map(({ type, value }) => [type, value]));
  const time = `${part.hour}:${part.minute}:${part.second}${withMilliseconds ? `.${String(instant.getMilliseconds()).padStart(3, "0")}` : ""}`;
  return withDate ? `${part.year}-${part.month}-${part.day} ${time}` : time;
}

export const plural = (count: number, word: string) => `${count.toLocaleString()} ${word}${count === 1 ? "" : "s"}`;
/** The last word of a type: "Log" of io.kestra.plugin.core.log.Log. */
export const shortType = (type: string) => type.slice(type.lastIndexOf(".") + 1);
