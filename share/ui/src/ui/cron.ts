// SPDX-License-Identifier: Apache-2.0
// A cron expression in words. What has no short wording keeps its own text, so nothing wrong is ever said.
const aliases: Record<string, string> = {
  "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0", "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *",
};
const days = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const months = ["", "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];

const named = (text: string, names: string[]): string => {
  const index = /^\d+$/.test(text) ? Number(text) : names.findIndex((name) => name && name.slice(0, 3).toUpperCase() === text.toUpperCase());
  return names[index] ?? text;
};
const pad = (text: string) => text.padStart(2, "0");
const listed = (words: string[]) => (words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words[words.length - 1]}`);
const number = /^\d+$/;

/** A field in words: a star is "", a list or a range is named by `name`. */
function fieldWords(field: string, unit: string, name: (text: string) => string): string {
  const step = /^(\*|\d+|\d+-\d+)\/(\d+)$/.exec(field);
  if (field === "*" || field === "?") return "";
  if (step) {
    const every = step[2] === "1" ? `every ${unit}` : `every ${step[2]} ${unit}s`;
    return step[1] === "*" || step[1] === "0" ? every : `${every} from ${step[1].includes("-") ? step[1].split("-").map(name).join(" to ") : name(step[1])}`;
  }
  return listed(field.split(",").map((part) => part.split("-").map(name).join(" to ")));
}

function timeWords(minute: string, hour: string): string {
  if (minute.split(",").every((one) => number.test(one)) && hour.split(",").every((one) => number.test(one)))
    return `at ${listed(hour.split(",").flatMap((h) => minute.split(",").map((m) => `${pad(h)}:${pad(m)}`)))}`;
  const every = /^(\*|0)\/\d+$/.test(minute) ? fieldWords(minute, "minute", String) : minute === "*" ? "every minute"
    : number.test(minute) ? (hour === "*" ? (minute === "0" ? "every hour" : `every hour at minute ${minute}`) : `at minute ${minute}`) : `at minutes ${fieldWords(minute, "minute", String)}`;
  if (hour === "*") return every;
  const range = /^(\d+)-(\d+)$/.exec(hour);
  if (range) return `${every} from ${pad(range[1])}:00 to ${pad(range[2])}:59`;
  return `${every}, ${/\//.test(hour) ? fieldWords(hour, "hour", String) : `in the hours ${fieldWords(hour, "hour", String)}`}`;
}

/** "at 03:00 on Monday to Friday"; undefined when it is no cron expression. */
export function cronWords(cron: string): string | undefined {
  const fields = (aliases[cron.trim().toLowerCase()] ?? cron.trim()).split(/\s+/);
  const seconds = fields.length === 6 ? fields.shift() : undefined;
  if (fields.length !== 5) return undefined;
  const [minute, hour, day, month, weekday] = fields;
  const parts = [timeWords(minute, hour)];
  const weekdays = fieldWords(weekday, "day", (text) => named(text, days));
  const dates = fieldWords(day, "day", String);
  if (dates) parts.push(day === "L" ? "on the last day of the month" : /^every/.test(dates) ? dates : `on day ${dates} of the month`);
  if (weekdays) parts.push(`${dates ? "or " : ""}on ${weekdays}`);
  if (month !== "*") parts.push(`in ${fieldWords(month, "month", (text) => named(text, months))}`);
  if (seconds && seconds !== "0") parts.push(`at second ${fieldWords(seconds, "second", String) || "every"}`);
  if (!dates && !weekdays && /^at \d/.test(parts[0])) parts.splice(1, 0, "every day");
  return parts.join(" ");
}
