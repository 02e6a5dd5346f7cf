// SPDX-License-Identifier: Apache-2.0
// What the pages of flows compute, without a browser: bundled by esbuild, as the pages are.
import { execFileSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assert } from "./check.mjs";

const source = new URL("../../share/ui/src/", import.meta.url).pathname;
const modules = ["ui/cron", "inputs/duration", "inputs/values", "pages/flow/diff", "yaml/context", "yaml/problems"];

async function bundled() {
  const directory = await mkdtemp(join(tmpdir(), "kestra-ui-"));
  const entry = join(directory, "all.ts"), made = join(directory, "all.mjs");
  await writeFile(entry, modules.map((one) => `export * from "${source}${one}";`).join("\n"));
  execFileSync("esbuild", [entry, "--bundle", "--format=esm", "--log-level=error", `--outfile=${made}`]);
  const all = await import(made);
  await rm(directory, { recursive: true });
  return all;
}
const ui = await bundled();
const same = (what, found, expected) => assert(JSON.stringify(found) === JSON.stringify(expected), `${what}: ${JSON.stringify(found)}, expected ${JSON.stringify(expected)}`);

const crons = {
  "0 3 * * *": "at 03:00 every day",
  "*/15 9-17 * * MON-FRI": "every 15 minutes from 09:00 to 17:59 on Monday to Friday",
  "* * * * *": "every minute",
  "0 * * * *": "every hour",
  "30 * * * *": "every hour at minute 30",
  "0 0 1 1 *": "at 00:00 on day 1 of the month in January",
  "0,30 8,20 * * 6,0": "at 08:00, 08:30, 20:00 and 20:30 on Saturday and Sunday",
  "@daily": "at 00:00 every day",
  "0 */6 * * *": "at minute 0, every 6 hours",
  "*/10 0 3 * * *": undefined,
  nonsense: undefined,
};

const text = `id: a
inputs:
  - id: name
    type: STRING
  - {id: count, type: INT}
variables:
  greeting: Hello
tasks:
- id: one
  type: io.kestra.plugin.core.log.Log
  message: "{{ inputs. }}"
- id: each
  type: io.kestra.plugin.core.flow.ForEach
  tasks:
    - id: two
      type: io.kestra.plugin.core.debug.Return
      
`;
const lines = text.split("\n");
const last = (part) => lines.findIndex((line) => line.includes(part));

export const checks = {
  "cron in words": () => {
    for (const [cron, words] of Object.entries(crons)) if (cron !== "*/10 0 3 * * *") same(cron, ui.cronWords(cron), words);
    assert(/second/.test(ui.cronWords("*/10 0 3 * * *")), "six fields have seconds");
  },

  "durations": () => {
    same("parts", ui.durationParts("P1DT2H3M4.5S"), { days: "1", hours: "2", minutes: "3", seconds: "4.5" });
    same("text", ui.durationText(ui.durationParts("P1DT2H3M4.5S")), "P1DT2H3M4.5S");
    same("nothing", ui.durationText(ui.durationParts("")), "");
    for (const none of ["P", "PT", "5m", "P1Y"]) same(none, ui.durationParts(none), undefined);
  },

  "values of inputs": () => {
    const inputs = [{ id: "a", type: "STRING", defaults: "x" }, { id: "b", type: "STRING", defaults: "" }, { id: "s", type: "SECRET" }, { id: "d", type: "DURATION" }];
    same("cleared", ui.clearedOf(inputs, { a: "", b: "", s: "" }), ["a"]);
    same("from an execution", ui.valuesFrom(inputs, { a: "it's", s: "hidden", d: 300, gone: 1 }), { a: "it's", d: "PT300S" });
    const command = ui.curlOf("http://h/x?a=b", inputs, { a: "it's; rm -rf", s: "hidden" });
    assert(command.includes(`'a=it'\\''s; rm -rf'`) && !command.includes("hidden"), command);
  },

  "differences": () => {
    const rows = ui.diffLines("a\nb\nc\nd", "a\nx\nc\nd\ne");
    same("rows", rows.map(({ left, right, same: equal }) => [left ?? null, right ?? null, equal]), [["a", "a", true], ["b", "x", false], ["c", "c", true], ["d", "d", true], [null, "e", false]]);
    same("equal", ui.diffLines("a\nb", "a\nb").every((row) => row.same), true);
    same("from nothing", ui.diffLines("", "a").map(({ left, right }) => [left, right]), [["", "a"]]);
    const big = Array.from({ length: 5000 }, (_, index) => `line ${index}`);
    same("large", ui.diffLines(big.join("\n"), [...big.slice(0, 2500), "new", ...big.slice(2500)].join("\n")).filter((row) => !row.same).length, 1);
  },

  "where the cursor is in a flow": () => {
    const expression = ui.contextAt(lines, last("{{ inputs. }}"), lines[last("{{ inputs. }}")].indexOf(" }}"));
    same("expression", [expression.kind, expression.word, ui.typeOf(expression.frames)], ["expression", " inputs.", "io.kestra.plugin.core.log.Log"]);
    const key = ui.contextAt(lines, lines.length - 2, 6);
    same("key", [key.kind, ui.typeOf(key.frames), key.frames.map((frame) => frame.key ?? null)], ["key", "io.kestra.plugin.core.debug.Return", ["tasks", "tasks", null]]);
    const value = ui.contextAt(lines, 3, lines[3].length);
    same("value", [value.kind, value.key, value.word, value.frames[0].key], ["value", "type", "STRING", "inputs"]);
    same("tasks", ui.idsIn(lines, "tasks").map(({ id }) => id), ["one", "each", "two"]);
    same("inputs", ui.idsIn(lines, "inputs"), [{ id: "name", type: "STRING" }, { id: "count", type: "INT" }]);
    same("variables", ui.keysIn(lines, "variables"), ["greeting"]);
  },

  "where a message belongs": () => {
    const at = (message) => { const { line, column } = ui.locate(message, text); return [line, column]; };
    same("line and column", at("11:13: one.message: wrong"), [10, 12]);
    same("task and property", at("one.message: must not be null"), [last("message:"), 2]);
    same("task", at("two.format: must not be null"), [last("id: two"), 4]);
    same("type", at("Invalid type: io.kestra.plugin.core.flow.ForEach"), [last("ForEach"), 8]);
    same("duplicate", at("Invalid Flow: Duplicate task id with name [one]"), [last("id: one"), 6]);
    same("elsewhere", at("unheard of"), [0, 0]);
  },
};
