// SPDX-License-Identifier: Apache-2.0
import { api, assert, putFlow, until } from "./check.mjs";

const namespace = "ui.spaces.deep";
const prepare = () => putFlow(`id: one\nnamespace: ${namespace}\ntasks:\n  - {id: log, type: io.kestra.plugin.core.log.Log, message: hello}\n`);
const names = async (path = "/") => (await api("GET", `/namespaces/${namespace}/files/directory?path=${path}`).catch(() => [])).map(({ fileName }) => fileName);

export const checks = {
  "a tree that leads to the flows": async (check) => {
    await prepare();
    const page = await check.open("namespaces?q=ui.spaces");
    await page.getByRole("link", { name: "ui.spaces", exact: true }).waitFor();
    await page.getByRole("row", { name: namespace }).getByRole("link", { name: "Flows" }).click();
    await page.waitForURL(new RegExp(`${namespace}/flows`));
    await check.sees("one");
    assert((await page.title()).startsWith(`Flows · ${namespace}`), await page.title());
  },
  "a key is made, changed and deleted": async (check) => {
    await prepare();
    const page = await check.open(`namespaces/${namespace}/kv`);
    await check.click("button", "New key");
    await page.getByLabel("Key", { exact: true }).fill("limit");
    await page.getByLabel("Type").selectOption("NUMBER");
    await page.getByLabel("Value").fill("many");
    await check.click("button", "Store");
    await check.sees("is no NUMBER");
    await page.getByLabel("Value").fill("42");
    await page.getByLabel("Time to live, if it has one").fill("PT10H");
    await check.click("button", "Store");
    await check.click("button", "Show the value of limit");
    await check.sees("NUMBER");
    const [entry] = await api("GET", `/namespaces/${namespace}/kv`);
    assert(entry.expirationDate, "the time to live is lost");
    await check.click("button", "Change limit");
    await until("the old value is there", async () => (await page.getByLabel("Value").inputValue()) === "42");
    await page.getByLabel("Type").selectOption("STRING");
    await page.getByLabel("Value").fill("a \"few\"");
    await check.click("button", "Store");
    await until("changed", async () => (await api("GET", `/namespaces/${namespace}/kv/limit`)).value === "a \"few\"");
    await check.click("button", "Delete limit");
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await check.sees("No key yet");
  },
  "files are made, written, uploaded, moved and deleted": async (check) => {
    await prepare();
    const page = await check.open(`namespaces/${namespace}/files`);
    await check.click("button", "New file");
    await page.getByLabel("Path").fill("/scripts/run.sh");
    await check.click("button", "Create");
    await page.locator(".CodeMirror").waitFor();
    await page.locator(".CodeMirror textarea").focus();
    await page.keyboard.type("echo hello");
    await check.click("button", "Save");
    await until("saved", async () => (await api("GET", `/namespaces/${namespace}/files?path=/scripts/run.sh`)) === "echo hello");
    await page.locator("input[type=file]").setInputFiles({ name: "data.csv", mimeType: "text/csv", buffer: Buffer.from("a,b\n1,2\n") });
    await until("uploaded", async () => (await names("/scripts")).includes("data.csv"));
    await check.click("button", "Rename");
    await page.getByLabel("Path").fill("/scripts/start.sh");
    await check.click("button", "Move");
    await until("moved", async () => (await names("/scripts")).includes("start.sh"));
    await page.waitForURL(/start\.sh/);
    await check.click("button", "Delete");
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await until("deleted", async () => !(await names("/scripts")).includes("start.sh"));
    await check.sees("Choose a file");
  },
  "what is written and not saved is asked about": async (check) => {
    await prepare();
    const form = new FormData();
    form.append("fileContent", new Blob(["one"]), "a.txt");
    await api("POST", `/namespaces/${namespace}/files?path=/a.txt`, form);
    const page = await check.open(`namespaces/${namespace}/files?path=/a.txt`);
    await page.locator(".CodeMirror textarea").focus();
    await page.keyboard.type("more ");
    await page.getByRole("navigation", { name: "Sections" }).getByRole("link", { name: "Flows" }).click();
    await check.sees("Discard what is not saved?");
    await page.keyboard.press("Escape");
    assert(page.url().includes("a.txt"), "the page was left");
    await check.sees("more one");
  },
};
