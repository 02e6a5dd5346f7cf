// SPDX-License-Identifier: Apache-2.0
// Runs the checks of test-*.mjs one after the other in one browser, each in a context of its own; `N passed, N failed` at the end.
import { readdir } from "node:fs/promises";
import { Check, launch } from "./check.mjs";

const here = new URL("./", import.meta.url);
const args = process.argv.slice(2);
const screenshots = args.includes("--screenshots");
const patterns = args.filter((one) => !one.startsWith("--"));
let passed = 0, failed = 0;

async function run(browser, file, name, body) {
  const begun = Date.now();
  const check = new Check(browser, { screenshots });
  let fault;
  try {
    await body(check);
    await check.finish();
  } catch (error) {
    fault = error;
  }
  const where = fault && (await check.page?.evaluate(() => `${location.pathname}${location.search}: ${document.querySelector("main")?.innerText.slice(0, 300)}`).catch(() => ""));
  await check.close();
  if (fault) failed++;
  else passed++;
  console.log(`${fault ? "not ok" : "ok"} - ${file}: ${name}${fault ? `: ${fault.message.replaceAll("\n", " ⏎ ").slice(0, 1500)}` : ` (${Date.now() - begun} ms)`}`);
  if (fault) console.log(`    ${(fault.stack ?? "").split("\n").filter((line) => line.includes("/tests/ui/test-")).join("\n    ")}\n    shown: ${where}`);
}

const files = (await readdir(here)).filter((name) => /^test-.*\.mjs$/.test(name)).sort();
const browser = await launch();
for (const file of files) {
  const { checks } = await import(new URL(file, here));
  for (const [name, body] of Object.entries(checks))
    if (!patterns.length || patterns.some((pattern) => `${file}: ${name}`.includes(pattern))) await run(browser, file, name, body);
}
await browser.close();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed || !passed ? 1 : 0);
