// SPDX-License-Identifier: Apache-2.0
// ISO-8601 durations as four numbers.
export interface DurationParts { days: string; hours: string; minutes: string; seconds: string }

const pattern = /^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:([\d.]+)S)?)?$/i;

/** undefined when the text is no duration of days, hours, minutes and seconds: it is edited as a text then. */
export function durationParts(text: string): DurationParts | undefined {
  if (!text) return { days: "", hours: "", minutes: "", seconds: "" };
  const found = pattern.exec(text.trim());
  if (!found || text.trim().length < 3) return undefined;
  const [, days = "", hours = "", minutes = "", seconds = ""] = found;
  return { days, hours, minutes, seconds };
}

export function durationText({ days, hours, minutes, seconds }: DurationParts): string {
  const time = (hours && `${hours}H`) + (minutes && `${minutes}M`) + (seconds && `${seconds}S`);
  return days || time ? `P${days && `${days}D`}${time && `T${time}`}` : "";
}
