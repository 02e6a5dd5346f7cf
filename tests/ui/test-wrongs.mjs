// SPDX-License-Identifier: Apache-2.0
// What was wrong once, each with its check: dialogs, the editor, what counts on, what came twice, what could not be executed.
import { api, assert, execute, putFlow, until } from "./check.mjs";

const namespace = "ui.wrongs";
const log = "tasks:\n  - {id: log, type: io.kestra.plugin.core.log.Log, message: hello}\n";
const flow = (id, rest) => putFlow(`id: ${id}\nnamespace: ${namespace}\n${rest}`);
const kill = (id) => api("DELETE", `/executions/${id}/kill`);

async function openExecute(check, id, rest) {
  await flow(id, rest);
  const page = await check.open(`flows/${namespace}/${id}`);
  await page.getByRole("button", { name: "Execute", exact: true }).first().click();
  await page.getByRole("dialog").waitFor();
  return page;
}

/** Starts what the dialog holds; the inputs of the execution. */
async function submit(page) {
  await page.getByRole("dialog").getByRole("button", { name: "Execute", exact: true }).click();
  await page.waitForURL(/\/executions\//);
  const id = /executions\/[^/]+\/[^/]+\/([^/?]+)/.exec(page.url())[1];
  await page.getByRole("heading", { level: 1 }).waitFor();
  return (await api("GET", `/executions/${id}`)).inputs;
}

async function openEditor(check, id, options) {
  await flow(id, `labels:\n  checked: true\n${log}`);
  const page = await check.open(`flows/${namespace}/${id}/editor`, options);
  await page.locator(".CodeMirror textarea").first().focus();
  return page;
}
const editorText = (page) => page.evaluate(() => document.querySelector(".CodeMirror").CodeMirror.getValue());

/** The ratio of WCAG between what is drawn and what is behind it. */
const contrast = (page, selector) => page.evaluate((what) => {
  const read = (text) => (text.match(/[\d.]+/g) ?? []).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((one) => one / 255).map((one) => (one <= 0.03928 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4)).reduce((sum, one, index) => sum + one * [0.2126, 0.7152, 0.0722][index], 0);
  const element = document.querySelector(what);
  let behind = element;
  while (behind && (read(getComputedStyle(behind).backgroundColor)[3] === 0 || getComputedStyle(behind).backgroundColor === "transparent")) behind = behind.parentElement;
  const [a, b] = [light(read(getComputedStyle(element).color)), light(read(getComputedStyle(behind).backgroundColor))];
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}, selector);

export const checks = {
  "the Execute dialog takes the focus, keeps it, and closes with Escape": async (check) => {
    const page = await openExecute(check, "asks", `inputs:\n  - {id: name, type: STRING, defaults: world}\n${log}`);
    const inside = () => page.evaluate(() => Boolean(document.activeElement?.closest("dialog")) || document.activeElement === document.body);
    await until("the dialog has the focus", () => page.evaluate(() => Boolean(document.activeElement?.closest("dialog"))));
    for (let i = 0; i < 12; i++) {
      await page.keyboard.press("Tab");
      assert(await inside(), `Tab ${i + 1} leaves the dialog`);
    }
    await check.accessible();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
  },
  "several values are chosen": async (check) => {
    const page = await openExecute(check, "many", `inputs:\n  - {id: sizes, type: MULTISELECT, values: [S, M, L]}\n${log}`);
    await page.getByLabel("S", { exact: true }).check();
    await page.getByLabel("L", { exact: true }).check();
    const inputs = await submit(page);
    assert(JSON.stringify(inputs.sizes) === '["S","L"]', JSON.stringify(inputs));
  },
  "an empty default is one": async (check) => {
    const page = await openExecute(check, "emptied", `inputs:\n  - {id: note, type: STRING, defaults: ""}\n${log}`);
    const inputs = await submit(page);
    assert((inputs.note ?? "") === "", JSON.stringify(inputs));
  },
  "a default that was cleared does not come back": async (check) => {
    const page = await openExecute(check, "cleared", `inputs:\n  - {id: note, type: STRING, required: false, defaults: something}\n${log}`);
    await page.getByRole("dialog").getByRole("textbox", { name: /note/ }).fill("");
    const inputs = await submit(page);
    assert((inputs?.note ?? "") === "", JSON.stringify(inputs));
  },
  "the editor is no trap for the keyboard": async (check) => {
    const page = await openEditor(check, "trap");
    const before = await editorText(page);
    await page.keyboard.press("Tab");
    await until("the focus is elsewhere", () => page.evaluate(() => !document.activeElement?.closest(".CodeMirror")));
    assert((await editorText(page)) === before, "Tab has written");
  },
  "what is not saved is asked about, also by Discard": async (check) => {
    const page = await openEditor(check, "unsaved");
    await page.keyboard.press("Control+End");
    await page.keyboard.type("# more");
    await page.getByRole("link", { name: "Executions" }).first().click();
    await page.getByRole("dialog").waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Discard", exact: true }).click();
    await page.getByRole("dialog").waitFor();
    await page.keyboard.press("Escape");
    assert((await editorText(page)).includes("# more"), "what was written is gone");
  },
  "a reload that fails after a save leaves the page": async (check) => {
    check.allow(/ERR_FAILED|Failed to load resource/);
    const page = await openEditor(check, "reload");
    await page.keyboard.press("Control+End");
    await page.keyboard.type("# more");
    await page.keyboard.press("Escape"); // completion
    let saved = false;
    await page.route(`**/api/v1/flows/${namespace}/reload**`, (route) => {
      if (route.request().method() === "PUT") { saved = true; return route.continue(); }
      return saved ? route.abort() : route.continue();
    });
    await page.keyboard.press("Control+s");
    await check.sees(/Saved as revision/);
    await until("nothing is unsaved", () => page.getByRole("button", { name: "Save", exact: true }).isDisabled());
    assert((await editorText(page)).includes("# more"), "the page was replaced");
  },
  "the editor is readable in the dark": async (check) => {
    const page = await openEditor(check, "dark", { colorScheme: "dark" });
    for (const selector of [".cm-atom, .cm-keyword", ".CodeMirror-linenumber"]) {
      const ratio = await contrast(page, selector);
      assert(ratio >= 4.5, `${selector}: ${ratio.toFixed(2)}`);
    }
  },
  "what is paused counts on": async (check) => {
    await flow("paused", "tasks:\n  - {id: wait, type: io.kestra.plugin.core.flow.Pause}\n");
    const { id } = await execute(namespace, "paused", { states: ["PAUSED"] });
    const page = await check.open(`executions/${namespace}/paused/${id}/gantt`);
    const times = () => page.locator("main").innerText().then((text) => (text.match(/[\d.]+ (ms|s|min)\b/g) ?? []).join());
    const before = await until("it shows times", times);
    await until("the times move", async () => (await times()) !== before);
    await kill(id);
  },
  "a dropped connection brings no line twice": async (check) => {
    await flow("lines", "tasks:\n  - {id: wait, type: io.kestra.plugin.core.flow.Pause}\n");
    const { id } = await execute(namespace, "lines", { states: ["PAUSED"] });
    const entry = (n) => JSON.stringify({ namespace, flowId: "lines", executionId: id, taskId: "wait", timestamp: `2026-01-01T00:00:0${n}.000Z`, level: "INFO", message: `line number ${n}` });
    let connections = 0;
    check.page = await check.newPage();
    await check.page.route(/\/logs\/[^/]+\/follow/, (route) => {
      connections++;
      return route.fulfill({ contentType: "text/event-stream", body: `retry: 50\n\n${[1, 2, 3].map((n) => `id: progress\ndata: ${entry(n)}\n\n`).join("")}` });
    });
    const page = await check.open(`executions/${namespace}/lines/${id}/logs`);
    await check.sees("line number 3");
    await until("connected again twice", () => connections >= 3);
    assert((await page.getByText("line number 1").count()) === 1, `${await page.getByText("line number 1").count()} times after ${connections} connections`);
    await kill(id);
  },
  "601 concurrent runs, in their order": async (check) => {
    await flow("loop", `tasks:
  - id: each
    type: io.kestra.plugin.core.flow.ForEach
    values: "{{ range(1, 600) }}"
    concurrencyLimit: 0
    tasks:
      - {id: one, type: io.kestra.plugin.core.debug.Return, format: "{{ taskrun.value }}"}
`);
    const { id } = await execute(namespace, "loop");
    const page = await check.open(`executions/${namespace}/loop/${id}/gantt`);
    await check.sees("601 task runs");
    const values = () => page.locator(".gantt-name .quiet").allInnerTexts().then((all) => all.map((one) => Number(one.trim())).filter(Boolean));
    const first = await until("rows", async () => { const all = await values(); return all.length > 3 && all; });
    assert(first[0] === 1 && first.every((one, index) => index === 0 || one === first[index - 1] + 1), `listed as ${first.slice(0, 8)}`);
    await page.locator(".gantt-row").last().hover();
    await until("the last one", async () => { await page.mouse.wheel(0, 20000); return (await values()).includes(600); });
  },
  "colours of a terminal and links, not their codes": async (check) => {
    await flow("colours", 'tasks:\n  - {id: log, type: io.kestra.plugin.core.log.Log, message: "\\e[31mred\\e[0m, see https://example.org/page"}\n');
    const { id } = await execute(namespace, "colours");
    const page = await check.open(`executions/${namespace}/colours/${id}/logs`);
    await check.sees(/red, see/);
    await page.getByRole("link", { name: "https://example.org/page" }).waitFor();
    assert(!(await page.locator("main").innerText()).includes("[31m"), "the code is shown");
  },
};
