// SPDX-License-Identifier: Apache-2.0
// What a check has: a page that is watched, the server's API, and questions that wait for their answer.
import { createRequire } from "node:module";
import { mkdir, readFile } from "node:fs/promises";

const require = createRequire(`${process.env.KESTRA_UI_MODULES}/`);
const { chromium } = require("playwright-core");
const axeSource = await readFile(require.resolve("axe-core/axe.min.js"), "utf8");
const server = process.env.KESTRA_URL.replace(/\/$/, "");
const origin = new URL(server).origin;
const deadline = 60000; // a loaded machine has a minute for anything
const flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
  "--disable-sync", "--disable-dev-shm-usage"];

export const launch = () => chromium.launch({ executablePath: "/usr/bin/chromium", args: flags });

export function assert(condition, message) {
  if (!condition) throw new Error(message);
}

/** The first true answer within a minute. */
export async function until(what, question, limit = deadline) {
  const end = Date.now() + limit;
  for (;;) {
    const answer = await question();
    if (answer) return answer;
    assert(Date.now() < end, `within ${limit / 1000} s not: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50)); // between two looks, not for something to happen
  }
}

/** Of the server; throws what it says when it refuses. A string body is YAML unless `type` says otherwise. */
export async function api(method, path, body, type) {
  const text = typeof body === "string", form = body instanceof FormData;
  const headers = { Accept: "application/json" };
  if (body !== undefined && !form) headers["Content-Type"] = type ?? (text ? "application/x-yaml" : "application/json");
  const response = await fetch(`${server}/api/v1${path}`, { method, headers, body: text || form || body === undefined ? body : JSON.stringify(body) });
  const answer = await response.text();
  assert(response.ok, `${method} ${path}: ${response.status} ${answer}`);
  return answer && /json/.test(response.headers.get("content-type") ?? "") ? JSON.parse(answer) : answer;
}

/** Creates the flow or changes it. */
export async function putFlow(source) {
  const of = (name) => new RegExp(`^${name}: *(\\S+)`, "m").exec(source)[1];
  const known = await fetch(`${server}/api/v1/flows/${of("namespace")}/${of("id")}`);
  return known.ok ? api("PUT", `/flows/${of("namespace")}/${of("id")}`, source) : api("POST", "/flows", source);
}

const ended = ["SUCCESS", "WARNING", "FAILED", "KILLED", "CANCELLED"];
export const untilState = (id, states = ended) =>
  until(`${id} is ${states}`, async () => { const one = await api("GET", `/executions/${id}`); return states.includes(one.state.current) && one; });

/** Starts an execution and waits until it is in one of the states. */
export async function execute(namespace, id, { inputs = {}, states = ended, query = "" } = {}) {
  const form = new FormData();
  for (const [name, value] of Object.entries(inputs)) form.append(name, value);
  const made = await api("POST", `/executions/${namespace}/${id}${query}`, Object.keys(inputs).length ? form : undefined);
  return untilState(made.id, states);
}

export class Check {
  constructor(browser, { screenshots }) {
    this.browser = browser;
    this.screenshots = screenshots;
    this.contexts = [];
    this.faults = [];
    this.allowed = [];
  }

  /** Faults that this check provokes: a refusal by the server is an error in the browser's console. */
  allow(...patterns) {
    this.allowed.push(...patterns);
  }

  /** A new page, watched. Options are those of Playwright's contexts: viewport, colorScheme … */
  async newPage(options = {}) {
    const context = await this.browser.newContext({ viewport: { width: 1280, height: 800 }, colorScheme: "light", locale: "en-GB", timezoneId: "Europe/Berlin",
      reducedMotion: "reduce", ...options });
    this.contexts.push(context);
    const page = await context.newPage();
    page.setDefaultTimeout(deadline / 3);
    page.on("console", (message) => { if (message.type() === "error") this.faults.push(`console: ${message.text()} (${message.location().url})`); });
    page.on("pageerror", (error) => this.faults.push(`page: ${error.message}`));
    page.on("request", (request) => {
      const url = new URL(request.url());
      if (/^https?:$/.test(url.protocol) && url.origin !== origin) this.faults.push(`a request elsewhere: ${url}`);
    });
    return page;
  }

  /** Shows an address of the interface ("flows") and waits for its heading. */
  async open(path, options) {
    this.page ??= await this.newPage(options);
    await this.page.goto(`${server}/ui/${path}`);
    await this.page.locator("h1").first().waitFor();
    return this.page;
  }

  /** Until nothing on the page is loading. (Playwright's waitForFunction needs eval, which our pages forbid.) */
  async settled(page = this.page) {
    await until("loaded", () => page.evaluate(() => !document.querySelector(".loading")));
  }

  async sees(text, page = this.page) {
    await page.getByText(text).first().waitFor();
  }

  async click(role, name, page = this.page) {
    await page.getByRole(role, { name }).first().click();
  }

  /** Accessibility: no violation of WCAG 2.1 A and AA, and of axe's best practices. */
  async accessible(page = this.page) {
    if (!(await page.evaluate("Boolean(window.axe)"))) await page.evaluate(axeSource);
    // CodeMirror's own text field, beside what scrolls, is what takes the focus.
    const { violations } = await page.evaluate(() => window.axe.run({ exclude: [".CodeMirror-scroll"] }, { resultTypes: ["violations"] }));
    const found = violations.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map(({ html, any }) => `${html.slice(0, 160)} (${any[0]?.message ?? ""})`).join("; ")}`);
    assert(!found.length, `axe on ${page.url()}: ${found.join(" | ")}`);
  }

  /** Nothing stands out to the right, once charts have taken their new size. */
  async fits(page = this.page) {
    const fitting = () => document.documentElement.scrollWidth <= document.documentElement.clientWidth;
    if (await until("fits", () => page.evaluate(fitting), 5000).catch(() => false)) return;
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    const culprit = await page.evaluate(() => [...document.querySelectorAll("body *")].filter((one) => one.getBoundingClientRect().right > document.documentElement.clientWidth)
      .map((one) => `${one.tagName}.${one.className}`).slice(0, 5).join(", "));
    throw new Error(`${page.url()} is ${wide} px too wide at ${page.viewportSize().width} px: ${culprit}`);
  }

  /** With --screenshots: docs/ui/NAME.png. */
  async picture(name, page = this.page) {
    if (!this.screenshots) return;
    const directory = new URL("../../docs/ui/", import.meta.url).pathname;
    await mkdir(directory, { recursive: true });
    await page.screenshot({ path: `${directory}${name}.png` });
  }

  /** Each check ends with this: what it leaves on the screen is accessible, and nothing went wrong on the way. */
  async finish() {
    if (this.page) await this.accessible();
    this.reportFaults();
  }

  reportFaults() {
    const faults = this.faults.filter((fault) => !this.allowed.some((pattern) => pattern.test(fault)));
    assert(!faults.length, faults.slice(0, 5).join(" | "));
  }

  async close() {
    for (const context of this.contexts) await context.close();
  }
}
