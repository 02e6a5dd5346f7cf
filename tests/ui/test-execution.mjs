// SPDX-License-Identifier: Apache-2.0
// The page of an execution: each tab, and each action.
import { api, assert, execute, putFlow, until, untilState } from "./check.mjs";

const namespace = "execution.team";
const flows = {
  rich: `id: rich
namespace: ${namespace}
inputs:
  - {id: name, type: STRING, defaults: world}
variables:
  place: here
tasks:
  - id: hello
    type: io.kestra.plugin.core.log.Log
    message: "\\e[31mred {{ inputs.name }}\\e[0m see https://kestra.example/docs?a=1."
  - id: each
    type: io.kestra.plugin.core.flow.ForEach
    values: [a, b, c]
    concurrencyLimit: 0
    tasks:
      - {id: inner, type: io.kestra.plugin.core.debug.Return, format: "{{ taskrun.value }}"}
  - id: shell
    type: io.kestra.plugin.scripts.shell.Commands
    taskRunner: {type: io.kestra.plugin.core.runner.Process}
    outputFiles: ["*.csv", "*.json"]
    commands:
      - printf 'id,text\\n1,"one, two"\\n2,three\\n' > rows.csv
      - printf '[{"k":1},{"k":2}]' > rows.json
      - echo '::{"outputs":{"answer":42}}::'
  - id: child
    type: io.kestra.plugin.core.flow.Subflow
    namespace: ${namespace}
    flowId: small
    wait: true
outputs:
  - {id: result, type: STRING, value: "{{ outputs.shell.vars.answer }}"}
`,
  small: `id: small
namespace: ${namespace}
tasks:
  - {id: only, type: io.kestra.plugin.core.debug.Return, format: done}
`,
  failing: `id: failing
namespace: ${namespace}
tasks:
  - id: around
    type: io.kestra.plugin.core.flow.Sequential
    tasks:
      - {id: fails, type: io.kestra.plugin.core.execution.Fail, errorMessage: the disk is full}
  - {id: never, type: io.kestra.plugin.core.debug.Return, format: never}
`,
  retried: `id: retried
namespace: ${namespace}
tasks:
  - id: tries
    type: io.kestra.plugin.scripts.shell.Commands
    taskRunner: {type: io.kestra.plugin.core.runner.Process}
    retry: {type: constant, interval: PT0.1S, maxAttempt: 3}
    commands: ["echo try {{ taskrun.attemptsCount }}; exit 1"]
`,
  paused: `id: paused
namespace: ${namespace}
tasks:
  - id: waits
    type: io.kestra.plugin.core.flow.Pause
    onResume:
      - {id: reason, type: STRING}
  - {id: after, type: io.kestra.plugin.core.debug.Return, format: "{{ outputs.waits.onResume.reason }}"}
`,
  long: `id: long
namespace: ${namespace}
tasks:
  - id: sleeps
    type: io.kestra.plugin.scripts.shell.Commands
    taskRunner: {type: io.kestra.plugin.core.runner.Process}
    commands: ["echo begun; sleep 300"]
`,
  loop: `id: loop
namespace: ${namespace}
tasks:
  - id: each
    type: io.kestra.plugin.core.flow.ForEach
    values: "{{ range(1, 600) }}"
    concurrencyLimit: 0
    tasks:
      - {id: item, type: io.kestra.plugin.core.debug.Return, format: "{{ taskrun.value }}"}
`,
};

const at = ({ id, flowId }, tab = "overview", query = "") => `executions/${namespace}/${flowId}/${id}/${tab}${query}`;
const put = async (...names) => { for (const name of names) await putFlow(flows[name]); };
let made;
const rich = () => (made ??= (async () => { await put("small", "rich"); return execute(namespace, "rich"); })());

/** Chooses in the menu of actions. */
async function act(check, name) {
  await check.click("button", "Actions");
  await check.page.getByRole("menuitem", { name: new RegExp(`^${name}`) }).click();
}
const inDialog = (check, role, name) => check.page.getByRole("dialog").getByRole(role, { name, exact: true }).click();

export const checks = {
  async "tabs have addresses"(check) {
    const page = await check.open(at(await rich()));
    for (const [title, name] of [["Gantt", "gantt"], ["Logs", "logs"], ["Topology", "topology"], ["Outputs", "outputs"], ["Metrics", "metrics"]]) {
      await page.getByRole("navigation", { name: "Parts of the execution" }).getByRole("link", { name: title }).click();
      await until(`address of ${name}`, () => page.url().endsWith(`/${name}`));
      await check.settled();
      await check.accessible();
      await check.picture(`execution-${name}`);
      await page.setViewportSize({ width: 390, height: 844 });
      await check.fits();
      await page.setViewportSize({ width: 1280, height: 800 });
    }
    await page.goBack();
    await until("back", () => page.url().endsWith("/outputs"));
  },

  async "overview: the reason of a failure is on top"(check) {
    await put("failing");
    const page = await check.open(at(await execute(namespace, "failing")));
    const reason = page.getByRole("alert");
    await reason.getByText("fails failed").waitFor();
    await reason.getByText("the disk is full").waitFor();
    await check.picture("execution-failed");
    await reason.getByRole("link", { name: /log|lines/ }).first().click();
    await until("its log", () => /logs\?.*level=ERROR/.test(page.url()));
    await page.getByRole("list", { name: "Log lines" }).getByText("the disk is full").waitFor();
  },

  async "overview: values, states and the line for the journal"(check) {
    const execution = await rich(), page = await check.open(at(execution));
    for (const text of ["world", "42", "RUNNING", `journalctl KESTRA_EXECUTION_ID=${execution.id}`]) await check.sees(text);
  },

  async "gantt: attempts, logs of a row, the subflow"(check) {
    await put("retried");
    const page = await check.open(at(await execute(namespace, "retried"), "gantt"));
    await page.getByTitle("3 attempts").waitFor();
    assert((await page.locator(".gantt-list .gantt-bar.try").count()) === 3, "a bar an attempt");
    await page.getByTitle("tries: logs and actions").click();
    await page.getByRole("list", { name: "Log lines" }).getByText("try", { exact: false }).first().waitFor();
    const other = await check.open(at(await rich(), "gantt"));
    await other.getByRole("button", { name: "subflow" }).click();
    await until("the child's page", () => other.url().includes(`/small/`));
  },

  async "gantt: 600 runs, only those in sight are drawn, in the order of their starts"(check) {
    await put("loop");
    const execution = await execute(namespace, "loop"), page = await check.open(at(execution, "gantt"));
    await check.sees("601 task runs");
    const rows = page.locator(".gantt-list .virtual-row");
    await until("rows", async () => (await rows.count()) > 5);
    assert((await rows.count()) < 120, `${await rows.count()} rows are drawn`);
    const begun = execution.taskRunList.filter((run) => run.parentTaskRunId).map((run, index) => ({ run, index }));
    begun.sort((a, b) => Date.parse(a.run.state.startDate) - Date.parse(b.run.state.startDate) || a.index - b.index);
    const first = await rows.nth(1).locator(".gantt-name").innerText();
    assert(first.includes(String(begun[0].run.value)), `first is ${first}`);
    await page.locator(".gantt-list").evaluate((list) => { list.scrollTop = list.scrollHeight; });
    await page.locator('.virtual-row[aria-posinset="601"]').waitFor();
    await check.open(at(execution, "topology"));
    await page.locator(".graph-box > text", { hasText: "600 of 600 done" }).waitFor();
  },

  async "logs: colours, links, search and level"(check) {
    const page = await check.open(at(await rich(), "logs"));
    const lines = page.getByRole("list", { name: "Log lines" });
    const red = lines.getByText("red world");
    await red.waitFor();
    assert((await red.getAttribute("style"))?.includes("ansi-red"), "red is red");
    assert((await lines.getByRole("link").getAttribute("href")) === "https://kestra.example/docs?a=1", "the link without the full stop");
    await page.getByRole("searchbox").fill("nowhere to be found");
    await check.sees("No line fits the filters.");
    await page.getByRole("searchbox").fill("RED WORLD");
    await lines.locator("mark").waitFor();
    await page.getByLabel("Lowest level").selectOption("ERROR");
    await until("in the address", () => page.url().includes("level=ERROR"));
  },

  async "logs: no line comes twice after a connection broke"(check) {
    await put("long");
    const execution = await execute(namespace, "long", { states: ["RUNNING"] });
    check.allow(/ERR_INTERNET_DISCONNECTED|ERR_NETWORK|ERR_INCOMPLETE/);
    const page = await check.newPage();
    check.page = page;
    // The first connection ends after what it had to say; the browser comes again.
    let connections = 0;
    await page.route(/\/logs\/.*\/follow/, async (route) => {
      if (connections++ > 0) return route.continue();
      const entries = await api("GET", `/logs/${execution.id}?minLevel=TRACE`);
      await route.fulfill({ contentType: "text/event-stream", body: `retry: 100\n\n${entries.map((entry) => `id: progress\ndata: ${JSON.stringify(entry)}\n\n`).join("")}` });
    });
    await until("the first line", async () => (await api("GET", `/logs/${execution.id}?minLevel=TRACE`)).some(({ message }) => message === "begun"));
    await check.open(at(execution, "logs", "?level=TRACE"));
    await until("a second connection", () => connections > 1);
    const lines = page.getByRole("list", { name: "Log lines" });
    await lines.getByText("begun", { exact: true }).waitFor();
    await until("one line", async () => (await lines.getByText("begun", { exact: true }).count()) === 1);
    await check.click("button", "Kill");
    await inDialog(check, "button", "Kill");
    await untilState(execution.id, ["KILLED"]);
    await page.locator("h1").getByText("KILLED").waitFor();
    await lines.getByText("completed with state KILLED", { exact: false }).waitFor();
    const times = await lines.getByText("begun", { exact: true }).count();
    assert(times === 1, `the line is there ${times} times`);
  },

  async "logs: deleted"(check) {
    await put("small", "rich");
    const page = await check.open(at(await execute(namespace, "rich"), "logs"));
    await page.getByRole("list", { name: "Log lines" }).getByText("red world").waitFor();
    await check.click("button", "More");
    await page.getByRole("menuitem", { name: "Delete" }).click();
    await inDialog(check, "button", "Delete");
    await check.sees("Log lines deleted");
    await page.getByText("red world").waitFor({ state: "detached" });
  },

  async "topology: containers, states, keys and the list"(check) {
    const page = await check.open(at(await rich(), "topology"));
    await page.locator(".graph-frame.state-success > text", { hasText: "each" }).first().waitFor();
    assert((await page.locator(".graph-box.state-success").count()) >= 6, "boxes in their states");
    const view = page.getByRole("group", { name: /Tasks of rich/ }), before = await view.locator("svg > g").getAttribute("transform");
    await view.focus();
    await page.keyboard.press("+");
    await until("zoomed", async () => (await view.locator("svg > g").getAttribute("transform")) !== before);
    await page.keyboard.press("0");
    await page.getByText("As a list").click();
    await page.getByRole("list", { name: "Parts of the graph" }).getByRole("button", { name: "shell" }).click();
    await page.getByRole("list", { name: "Runs of the chosen task" }).getByText("shell").waitFor();
  },

  async "outputs: tree, files and expressions"(check) {
    const execution = await rich(), run = execution.taskRunList.find(({ taskId }) => taskId === "shell");
    const page = await check.open(at(execution, "outputs", `?taskRun=${run.id}`));
    await page.getByText("42").first().waitFor();
    await page.getByRole("button", { name: /rows\.csv$/ }).first().click();
    await page.getByRole("dialog").getByRole("cell", { name: "one, two" }).waitFor();
    await check.accessible();
    await inDialog(check, "button", "Close");
    await page.getByRole("button", { name: /rows\.json$/ }).first().click();
    await page.getByRole("dialog").getByRole("columnheader", { name: "k" }).waitFor();
    await page.keyboard.press("Escape");
    await page.getByLabel("Expression").fill("{{ outputs.shell.vars.answer }} of {{ inputs.name }}");
    await check.click("button", "Evaluate");
    await check.sees("42 of world");
    await page.getByLabel("Expression").fill("{{ nope.x }}");
    await check.click("button", "Evaluate");
    await page.getByRole("alert").getByText("nope").waitFor();
  },

  async "metrics: compared with earlier runs"(check) {
    await rich();
    const page = await check.open(at(await execute(namespace, "rich"), "metrics"));
    await page.getByRole("list", { name: "Totals of this execution" }).getByText("CPU time", { exact: true }).click();
    await page.getByText("usually", { exact: false }).first().waitFor();
    await page.getByRole("navigation", { name: "Pages" }).waitFor();
  },

  async "actions: resume with inputs"(check) {
    await put("paused");
    const execution = await execute(namespace, "paused", { states: ["PAUSED"] }), page = await check.open(at(execution));
    await check.sees("Paused by waits");
    await check.click("button", "Resume");
    await page.getByRole("dialog").getByLabel(/reason/).fill("because");
    await inDialog(check, "button", "Resume");
    const done = await untilState(execution.id);
    assert(done.taskRunList.at(-1).outputs.value === "because", "the input is there");
    await page.locator("h1").getByText("SUCCESS").waitFor();
  },

  async "actions: restart, replay from a task, states, labels, delete"(check) {
    await put("failing");
    const execution = await execute(namespace, "failing"), page = await check.open(at(execution));
    await act(check, "Set labels");
    await page.getByLabel("Key of label 1").fill("team");
    await page.getByLabel("Value of label 1").fill("blue");
    await inDialog(check, "button", "Set labels");
    await page.getByText("team: blue").first().waitFor();
    await act(check, "Restart");
    await inDialog(check, "button", "Restart");
    await until("restarted", async () => (await api("GET", `/executions/${execution.id}`)).state.histories.some(({ state }) => state === "RESTARTED"));
    await untilState(execution.id);
    await page.locator("h1").getByText("FAILED").waitFor();
    const run = (await untilState(execution.id)).taskRunList.find(({ taskId }) => taskId === "fails");
    await check.open(at(execution, "gantt", `?taskRun=${run.id}`));
    await check.click("button", /Change state/);
    await inDialog(check, "button", "Change");
    await untilState(execution.id, ["SUCCESS"]);
    await page.locator("h1").getByText("SUCCESS").waitFor();
    await act(check, "Change state");
    await page.getByRole("dialog").getByLabel("New state").selectOption("WARNING");
    await inDialog(check, "button", "Change");
    await page.locator("h1").getByText("WARNING").waitFor();
    await act(check, "Replay");
    await page.getByRole("dialog").getByLabel("Begin at").selectOption({ label: "fails" });
    await inDialog(check, "button", "Replay");
    await until("the new execution", () => !page.url().includes(execution.id) && page.url().includes("/failing/"));
    await page.locator("h1").getByText("FAILED").waitFor();
    await act(check, "Delete");
    await inDialog(check, "button", "Delete");
    await until("the list", () => page.url().includes("/ui/executions?"));
  },

  async "actions: what the state refuses says why"(check) {
    const page = await check.open(at(await rich()));
    await check.click("button", "Actions");
    const kill = page.getByRole("menuitem", { name: /^Kill/ });
    assert((await kill.getAttribute("aria-disabled")) === "true", "killed after its end");
    await kill.getByText("It has ended").waitFor();
    await check.accessible();
    await page.keyboard.press("Escape");
  },

  async "actions: pause, kill"(check) {
    await put("long");
    const execution = await execute(namespace, "long", { states: ["RUNNING"] }), page = await check.open(at(execution));
    await act(check, "Pause");
    await inDialog(check, "button", "Pause");
    await untilState(execution.id, ["PAUSED"]);
    await page.locator("h1").getByText("PAUSED").waitFor();
    await act(check, "Kill");
    await inDialog(check, "button", "Kill");
    await untilState(execution.id, ["KILLED"]);
  },

  async "previous and next execution of the flow"(check) {
    await put("small");
    const first = await execute(namespace, "small"), second = await execute(namespace, "small");
    const page = await check.open(at(second));
    await check.click("button", "Previous execution of the flow");
    await until("the earlier", () => page.url().includes(first.id));
    await check.click("button", "Next execution of the flow");
    await until("the later", () => page.url().includes(second.id));
  },
};

export { flows };
