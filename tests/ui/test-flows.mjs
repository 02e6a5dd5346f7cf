// SPDX-License-Identifier: Apache-2.0
// The pages of flows: every tab, the editor, the Execute dialog, the list, the search in sources.
import { api, assert, execute, putFlow, until } from "./check.mjs";

const namespace = "flows.team";
const flow = (id, rest) => `id: ${id}\nnamespace: ${namespace}\n${rest}`;
const log = `tasks:\n  - id: hello\n    type: io.kestra.plugin.core.log.Log\n    message: hello\n`;

const inputs = flow("inputs", `description: "Loads **all** of <b>it</b>, see [there](javascript:alert(1))"
inputs:
  - {id: name, type: STRING, defaults: World, validator: "[A-Z].*"}
  - {id: empty, type: STRING, defaults: ''}
  - {id: parts, type: MULTISELECT, values: [a, b, c], defaults: [a]}
  - {id: dry, type: BOOLEAN, required: false}
  - {id: wait, type: DURATION, defaults: PT5M}
  - {id: list, type: ARRAY, itemType: INT, required: false}
  - {id: env, type: SELECT, values: [dev, prod], allowCustomValue: true, defaults: dev}
  - {id: reason, type: STRING, dependsOn: {inputs: [env], condition: "{{ inputs.env == 'prod' }}"}}
  - {id: doc, type: FILE, required: false}
tasks:
  - {id: out, type: io.kestra.plugin.core.debug.Return, format: "{{ inputs.name }}"}
triggers:
  - {id: hook, type: io.kestra.plugin.core.trigger.Webhook, key: secret-key}
`);
const scheduled = flow("scheduled", `${log}triggers:\n  - {id: often, type: io.kestra.plugin.core.trigger.Schedule, cron: "*/15 9-17 * * MON-FRI"}\n`);
const lastOf = async (id) => (await api("GET", `/executions/search?namespace=${namespace}&flowId=${id}&sort=state.startDate:desc&page=1&size=1`)).results[0];

/** The text of the editor, and what is done in it. */
const source = (page) => page.evaluate(() => document.querySelector(".CodeMirror").CodeMirror.getValue());
const inEditor = async (page, text) => {
  await page.locator(".CodeMirror-lines").click();
  await page.keyboard.press("Control+End");
  await page.keyboard.type(text);
};
/** At once, as a fast typist: one question for completions, whose answer is then chosen from. */
const begin = (page, text) => page.keyboard.insertText(text);
const choose = async (page, text) => {
  await page.locator(".CodeMirror-hint").filter({ hasText: text }).first().waitFor();
  await page.keyboard.press("Enter");
};

export const checks = {
  "each tab of a flow has its address": async (check) => {
    await putFlow(scheduled);
    await execute(namespace, "scheduled");
    for (const tab of ["overview", "topology", "editor", "revisions", "executions", "triggers", "dependencies", "logs", "metrics", "concurrency"]) {
      const page = await check.open(`flows/${namespace}/scheduled/${tab}`);
      await page.locator(`.tabs a[aria-current=page]`).filter({ hasText: new RegExp(tab, "i") }).waitFor();
      await check.settled();
      await check.fits();
      await check.accessible();
    }
  },

  "Kestra's addresses of a flow lead to ours": async (check) => {
    await putFlow(scheduled);
    const page = await check.open(`flows/edit/${namespace}/scheduled/topology`);
    await until("our address", () => new URL(page.url()).pathname.endsWith(`/flows/${namespace}/scheduled/topology`));
  },

  "the Execute dialog takes the focus, keeps it, and Escape closes it": async (check) => {
    await putFlow(inputs);
    const page = await check.open(`flows/${namespace}/inputs/editor`);
    await check.click("button", "Execute");
    await until("the first input has the focus", () => page.evaluate(() => document.activeElement?.id === "input-name"));
    const before = await source(page);
    for (let i = 0; i < 40; i++) {
      await page.keyboard.press("Tab");
      assert(await page.evaluate(() => document.activeElement === document.body || document.querySelector("dialog").contains(document.activeElement)), "the focus left the dialog");
    }
    assert((await source(page)) === before, "keys went into the editor behind the dialog");
    assert(await page.locator("dialog b, dialog a").count() === 0, "HTML or a script's address came through a description");
    await check.accessible();
    await page.keyboard.press("Escape");
    await page.locator("dialog").waitFor({ state: "detached" });
  },

  "inputs are executed as they are shown": async (check) => {
    await putFlow(inputs);
    const page = await check.open(`flows/${namespace}/inputs?execute=1`);
    await page.getByLabel("c", { exact: true }).check();
    await page.getByLabel("false", { exact: true }).check();
    await page.getByLabel("hours", { exact: true }).fill("1");
    await page.getByRole("button", { name: /Add an element/ }).click();
    await page.getByLabel("Element 1 of list").fill("7");
    await page.locator("#input-env").fill("prod");
    await page.locator("#input-reason").fill("because");
    await page.locator("#input-doc").setInputFiles({ name: "any.txt", mimeType: "text/plain", buffer: Buffer.from("content") });
    await page.locator("dialog").getByRole("button", { name: "Execute" }).click();
    await until("the execution's page", () => /\/executions\//.test(page.url()));
    const { inputs: given } = await lastOf("inputs");
    const expected = { name: "World", empty: "", parts: ["a", "c"], dry: false, list: [7], env: "prod", reason: "because" };
    for (const [name, value] of Object.entries(expected)) assert(JSON.stringify(given[name]) === JSON.stringify(value), `${name}: ${JSON.stringify(given[name])}`);
    assert(given.wait === 3900 && given.doc.startsWith("kestra:///"), JSON.stringify(given));
  },

  "a default that was cleared stays cleared": async (check) => {
    await putFlow(flow("cleared", `inputs:\n  - {id: name, type: STRING, defaults: World}\n${log}`));
    const page = await check.open(`flows/${namespace}/cleared?execute=1`);
    await page.locator("#input-name").fill("");
    await page.locator("dialog").getByRole("button", { name: "Execute" }).click();
    await until("the execution's page", () => /\/executions\//.test(page.url()));
    assert((await lastOf("cleared")).inputs.name === "", "the default came back");
  },

  "what is wrong with an input is said at its field": async (check) => {
    await putFlow(inputs);
    const page = await check.open(`flows/${namespace}/inputs?execute=1`);
    await page.locator("#input-name").fill("lower");
    await page.locator("#input-name[aria-invalid=true]").waitFor();
    await check.sees(/must match the pattern/);
    await page.locator("dialog").getByRole("button", { name: "Execute" }).click();
    await check.sees("Not started: look at name.");
    await page.locator("#input-name").fill("Upper");
    await page.locator("#input-name[aria-invalid=false]").waitFor();
  },

  "an execution's inputs and labels fill in the next": async (check) => {
    await putFlow(inputs);
    const earlier = await execute(namespace, "inputs", { inputs: { name: "Before", env: "own" }, query: "?labels=team:red" });
    const page = await check.open(`flows/${namespace}/inputs?prefill=${earlier.id}`);
    await until("the earlier name", async () => (await page.locator("#input-name").inputValue()) === "Before");
    assert((await page.locator("#input-env").inputValue()) === "own", "the value of its own is lost");
    assert((await page.getByLabel("Value of label 1").inputValue()) === "red", "the label is lost");
    await page.getByText("As a command").click();
    const command = await page.locator("dialog pre").innerText();
    assert(command.includes("curl -X POST") && command.includes("--form-string 'name=Before'") && command.includes("labels=team%3Ared"), command);
    await page.getByText("By webhook").click();
    assert((await page.getByLabel("Address of hook").inputValue()).endsWith(`/api/v1/executions/webhook/${namespace}/inputs/secret-key`), "the webhook's address");
  },

  "the editor completes types, properties and outputs": async (check) => {
    const page = await check.open("flows/new");
    await inEditor(page, "  - id: two\ntype: ");
    await begin(page, "debug.Ret");
    await choose(page, "core.debug.Return");
    await page.keyboard.press("Enter");
    await begin(page, "fo");
    await choose(page, "format");
    await begin(page, '"{{ outputs.');
    await choose(page, "hello");
    assert(/ {4}type: io\.kestra\.plugin\.core\.debug\.Return\n {4}format: "\{\{ outputs\.hello/.test(await source(page)), await source(page));
    await check.sees("Render a text and return it as an output.");
  },

  "Tab leaves the editor": async (check) => {
    const page = await check.open("flows/new");
    await inEditor(page, "");
    const before = await source(page);
    await page.keyboard.press("Tab");
    assert(await page.evaluate(() => !document.activeElement.closest(".CodeMirror")), "the keyboard is trapped");
    assert((await source(page)) === before, "Tab wrote into the text");
  },

  "a problem is marked at its line and leads there": async (check) => {
    const page = await check.open("flows/new");
    await inEditor(page, "    nonsense: 1\n");
    await page.locator(".editor-sign.error").waitFor();
    await page.locator(".problems button").click();
    assert((await page.evaluate(() => document.querySelector(".CodeMirror").CodeMirror.getCursor().line)) === 7, "the place of the mark");
    await page.locator(".editor-error").first().waitFor();
  },

  "unsaved text is not lost silently": async (check) => {
    await putFlow(flow("unsaved", log));
    const page = await check.open(`flows/${namespace}/unsaved/editor`);
    await inEditor(page, "# more\n");
    const written = await source(page);
    await page.locator(".tabs").getByText("Logs").click();
    await check.sees("Discard what is not saved?");
    await page.keyboard.press("Escape");
    await page.locator("dialog").waitFor({ state: "detached" });
    assert((await source(page)) === written && page.url().endsWith("/editor"), "the text is gone");
    await check.click("button", "Discard");
    await check.sees("Discard what is not saved?");
    await page.keyboard.press("Escape");
    await page.locator("dialog").waitFor({ state: "detached" });
    await inEditor(page, "");
    await page.keyboard.press("Control+s");
    await check.sees("Saved as revision 2");
    assert((await api("GET", `/flows/${namespace}/unsaved?source=true`)).source.includes("# more"), "not saved");
    await page.locator(".tabs").getByText("Logs").click();
    await until("the tab", () => page.url().endsWith("/logs"));
  },

  "a failed reload after a save leaves the page": async (check) => {
    await putFlow(flow("reload", log));
    const page = await check.open(`flows/${namespace}/reload/editor`);
    check.allow(/503/, /Failed to load resource/);
    await inEditor(page, "# more\n");
    await page.route("**/api/v1/flows/**", (route) => (route.request().method() === "GET" ? route.fulfill({ status: 503, json: { message: "no database" } }) : route.continue()));
    await page.keyboard.press("Control+s");
    await check.sees(/no database/);
    assert((await source(page)).includes("# more"), "the editor is gone");
  },

  "a newer revision is told of": async (check) => {
    await putFlow(flow("newer", log));
    const page = await check.open(`flows/${namespace}/newer/editor`);
    await inEditor(page, "# mine\n");
    await putFlow(flow("newer", `${log}# theirs\n`));
    await check.sees("Revision 2 was saved meanwhile.");
    await check.click("button", "Save");
    await check.sees("Save over a newer revision?");
    await page.keyboard.press("Escape");
    await page.locator("dialog").waitFor({ state: "detached" });
    assert((await api("GET", `/flows/${namespace}/newer?source=true`)).source.includes("# theirs"), "overwritten");
  },

  "expressions are tried on an execution": async (check) => {
    await putFlow(inputs);
    await execute(namespace, "inputs", { inputs: { name: "Tried" } });
    const page = await check.open(`flows/${namespace}/inputs/editor?pane=try`);
    await page.locator("aside textarea").fill("{{ inputs.name | upper }}");
    await check.click("button", "Render");
    await check.sees("TRIED");
  },

  "revisions stand side by side, and one is restored": async (check) => {
    await putFlow(flow("revised", log));
    await putFlow(flow("revised", log.replace("message: hello", "message: changed")));
    const page = await check.open(`flows/${namespace}/revised/revisions`);
    assert((await page.locator("td.removed").innerText()).includes("hello") && (await page.locator("td.added").innerText()).includes("changed"), "the difference");
    await check.click("button", "Restore revision 1");
    await page.locator("dialog").getByRole("button", { name: "Restore" }).click();
    await check.sees("Revision 1 is restored");
    await until("revision 3", async () => (await api("GET", `/flows/${namespace}/revised`)).revision === 3);
  },

  "a backfill is begun, paused and deleted": async (check) => {
    await putFlow(scheduled);
    await until("the trigger has a state", async () => (await api("GET", `/triggers/${namespace}/scheduled`)).results.length);
    const page = await check.open(`flows/${namespace}/scheduled/triggers`);
    await check.sees("every 15 minutes from 09:00 to 17:59 on Monday to Friday");
    await check.click("button", "Backfill");
    await page.getByLabel("From").fill("2020-01-01T00:00");
    await page.getByRole("button", { name: "Begin" }).click();
    await check.click("button", "Pause");
    await check.click("button", "Continue");
    await page.getByRole("button", { name: "Pause" }).waitFor();
    await check.click("button", "Pause");
    await page.getByRole("button", { name: "Continue" }).waitFor();
    await page.locator(".backfill").getByRole("button", { name: "Delete" }).click();
    await page.locator("dialog").getByRole("button", { name: "Delete" }).click();
    await page.locator(".backfill").waitFor({ state: "detached" });
    await check.click("button", "Disable");
    await page.getByRole("button", { name: "Enable", exact: true }).click();
    await page.getByRole("button", { name: "Disable" }).waitFor();
  },

  "a flow is disabled, copied and deleted": async (check) => {
    await putFlow(flow("acted", log));
    const page = await check.open(`flows/${namespace}/acted`);
    await page.getByRole("switch").click();
    await until("disabled", async () => (await api("GET", `/flows/${namespace}/acted`)).disabled);
    await page.getByRole("button", { name: "Execute" }).and(page.locator(":disabled")).waitFor();
    await check.click("button", "More");
    await check.click("menuitem", "Copy to a new flow");
    await page.locator(".CodeMirror").waitFor();
    assert((await source(page)).includes("id: acted-copy"), "the copy's id");
    await check.open(`flows/${namespace}/acted`);
    await check.click("button", "More");
    await check.click("menuitem", "Delete");
    await page.locator("dialog").getByRole("button", { name: "Delete" }).click();
    await until("the list", () => page.url().endsWith("/flows"));
  },

  "the list of flows asks for all of them at once": async (check) => {
    for (let i = 0; i < 5; i++) await putFlow(flow(`many-${i}`, log));
    await execute(namespace, "many-0");
    const page = await check.newPage(), asked = [];
    check.page = page;
    page.on("request", (request) => { if (/\/executions\/search/.test(request.url())) asked.push(request.url()); });
    await check.open(`flows?namespace=${namespace}`);
    await page.locator(".bars").first().waitFor();
    assert(!asked.length, `a search a flow: ${asked}`);
    await page.getByLabel(`Choose ${namespace}/many-0`).check();
    const [archive] = await Promise.all([page.waitForEvent("download"), check.click("button", "Export")]);
    assert(archive.suggestedFilename() === "flows.zip", archive.suggestedFilename());
    await page.locator("input[type=file]").setInputFiles({ name: "new.yaml", mimeType: "application/yaml", buffer: Buffer.from(flow("imported", log)) });
    await check.sees("new.yaml is imported");
    await check.open("flows?page=99");
    await check.sees("There is nothing on page 99.");
  },

  "a word is found in sources, with its lines": async (check) => {
    await putFlow(flow("sought", log.replace("message: hello", "message: needleword")));
    const page = await check.open("flows/search?q=needleword");
    assert((await page.locator("mark").first().innerText()) === "needleword", "the hit");
    await page.getByText(`${namespace}.sought`).click();
    await page.locator(".CodeMirror").waitFor();
  },
};
