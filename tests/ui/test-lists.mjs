// SPDX-License-Identifier: Apache-2.0
// Logs, plugins, the cluster; saved searches and chosen columns; Kestra's own addresses.
import { execFileSync } from "node:child_process";
import { api, assert, execute, putFlow, until } from "./check.mjs";

const namespace = "ui.lists";
const prepare = async () => {
  await putFlow(`id: speaks\nnamespace: ${namespace}\ntasks:\n  - {id: log, type: io.kestra.plugin.core.log.Log, message: "a line to find"}\n`);
  return execute(namespace, "speaks");
};
const addresses = {
  "flows/edit/NS/speaks/topology": "flows/NS/speaks/topology", "flows/edit/NS/speaks": "flows/NS/speaks", "executions/NS/speaks/ID/gantt": "executions/NS/speaks/ID/gantt",
  "executions/NS/speaks/ID/logs": "executions/NS/speaks/ID/logs", logs: "logs", dashboards: "dashboard", "admin/triggers": "triggers", "admin/stats": "cluster",
  "namespaces/edit/NS/kv": "namespaces/NS/kv", "main/flows": "flows", "plugins/io.kestra.plugin.core.log.Log": "plugins/io.kestra.plugin.core.log.Log",
};

export const checks = {
  "logs are searched and deleted": async (check) => {
    await prepare();
    const page = await check.open(`logs?namespace=${namespace}&flowId=speaks&q=find`);
    await page.getByText("a line to find").first().waitFor();
    await check.click("button", "Delete logs");
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await check.sees("No line matches");
  },
  "a plugin is found, and its properties shown": async (check) => {
    const page = await check.open("plugins");
    await page.getByLabel("Search types").fill("log.log");
    await page.getByRole("link", { name: "Log", exact: true }).click();
    await page.waitForURL(/plugins\/io\.kestra\.plugin\.core\.log\.Log/);
    await page.getByRole("table", { name: "Properties" }).getByText("message", { exact: true }).waitFor();
    assert((await page.title()).startsWith("Log"), await page.title());
  },
  "the cluster: roles, shards, the queue": async (check) => {
    const page = await check.open("cluster");
    for (const role of ["scheduler", "executor", "worker"]) await page.getByRole("cell", { name: role, exact: true }).first().waitFor();
    await check.sees("Events not handled");
    await until("all shards are held", async () => (await page.getByText("64 of 64 held").count()) === 2);
  },
  "a search is saved and found again": async (check) => {
    await prepare();
    const page = await check.open(`executions?namespace=${namespace}`);
    await check.click("button", "Saved searches");
    await check.click("menuitem", "Save this search …");
    await page.getByRole("textbox", { name: "Name" }).fill("mine");
    await page.getByRole("textbox", { name: "Name" }).press("Enter");
    await check.sees("“mine” is saved");
    await page.getByRole("button", { name: `Remove Namespace: ${namespace}` }).click();
    await until("the filter is gone", () => !page.url().includes(namespace));
    await check.click("button", "Saved searches");
    await check.click("menuitem", "mine");
    await page.waitForURL(new RegExp(`namespace=${namespace}`));
  },
  "columns are chosen, and stay": async (check) => {
    await prepare();
    const page = await check.open(`executions?namespace=${namespace}`);
    await page.getByText("Columns").first().click();
    await page.getByLabel("Revision").check();
    await page.getByLabel("Trigger", { exact: true }).uncheck();
    await page.reload();
    await page.getByRole("columnheader", { name: "Revision" }).waitFor();
    assert(!(await page.getByRole("columnheader", { name: "Trigger" }).count()), "the column came back");
  },
  "page 99 of a list leads back": async (check) => {
    await prepare();
    const page = await check.open(`executions?namespace=${namespace}&page=99`);
    await page.getByRole("button", { name: /first page/i }).click();
    await page.getByRole("row").nth(1).waitFor();
    assert(!(await page.getByText("No execution").count()), "it says that there is none");
  },
  "Kestra's own addresses lead to ours": async (check) => {
    const { id } = await prepare();
    const put = (text) => text.replace("NS", namespace).replace("ID", id);
    for (const [theirs, ours] of Object.entries(addresses)) {
      const page = await check.open(put(theirs));
      await until(`${theirs} leads to ${ours}`, () => new URL(page.url()).pathname === `/ui/${put(ours)}`);
      assert(!(await page.getByText("There is no such page").count()), `${theirs}: no such page`);
    }
  },
  "files are named by what is in them, and compressed": async (check) => {
    const sizes = [];
    check.page = await check.newPage();
    check.page.on("response", async (response) => {
      if (!/\/ui\/.*\.(js|css)$/.test(response.url())) return;
      const headers = response.headers();
      sizes.push([response.url(), headers["content-encoding"], headers["cache-control"], Number((await response.request().sizes()).responseBodySize)]);
    });
    await check.open("dashboard");
    await check.settled();
    await until("the files came", () => sizes.length > 1);
    for (const [url, encoding, cache] of sizes) {
      assert(encoding === "gzip", `${url} is not compressed: ${encoding}`);
      assert(/-[A-Z0-9]{6,}\.(js|css)$/.test(url), `${url} has no hash in its name`);
      assert(/immutable|max-age=31536000/.test(cache ?? ""), `${url}: ${cache}`);
    }
    const total = sizes.reduce((sum, [, , , size]) => sum + size, 0);
    console.log(`    first load: ${Math.round(total / 1024)} KiB in ${sizes.length} files`);
    assert(total < 250 * 1024, `the first load is ${total} bytes`);
  },
  "while nothing changes the list of flows asks little": async (check) => {
    for (let i = 0; i < 12; i++) await putFlow(`id: idle${i}\nnamespace: ui.idle\ntasks:\n  - {id: log, type: io.kestra.plugin.core.log.Log, message: x}\n`);
    check.page = await check.newPage();
    await check.page.clock.install();
    let asked = 0;
    check.page.on("request", (request) => { if (request.url().includes("/api/")) asked++; });
    await check.open("flows?namespace=ui.idle");
    await check.settled();
    await check.page.getByRole("row").nth(5).waitFor();
    const before = asked;
    await check.page.clock.runFor(30000);
    assert(asked - before < 15, `${asked - before} requests in 30 s for 12 flows`);
  },
  "the header does not overflow, and its sections are reached": async (check) => {
    check.page = await check.newPage({ viewport: { width: 390, height: 800 } });
    const page = await check.open("flows");
    await check.fits();
    await check.click("button", "Sections");
    await page.getByRole("link", { name: "Triggers" }).click();
    await page.waitForURL(/triggers/);
    await page.getByRole("heading", { name: "Triggers" }).waitFor();
  },
  "jump with Ctrl-K, by the keyboard alone": async (check) => {
    await prepare();
    const page = await check.open("settings");
    await page.keyboard.press("Control+k");
    await page.keyboard.type("speaks");
    await page.getByRole("option", { name: /speaks/ }).waitFor();
    await check.accessible();
    await page.keyboard.press("Enter");
    await page.waitForURL(/flows\/ui\.lists\/speaks/);
    await page.getByRole("heading", { level: 1 }).waitFor();
  },
  "Discard of a message that was set aside asks first": async (check) => {
    execFileSync("psql", [process.env.KESTRA_PG, "-q", "-c", `INSERT INTO poison (id, sequence, shard, key, kind, body, reason, created)
      VALUES ('event900000001', 900000001, 1, 'ui-lists', 'test', '{"a": 1}', 'a check', now())`]);
    const page = await check.open("poison");
    await check.click("button", "Discard");
    await check.sees("Discard this message?");
    await page.keyboard.press("Escape");
    await check.sees("a check");
    assert((await api("GET", "/poison")).total > 0, "it is gone without an answer");
    await check.click("button", "Discard");
    await page.getByRole("dialog").getByRole("button", { name: "Discard" }).click();
    await check.sees("Nothing is set aside");
  },
};
