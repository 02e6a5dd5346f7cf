// SPDX-License-Identifier: Apache-2.0
import { api, assert, putFlow, until } from "./check.mjs";

const namespace = "ui.triggers";
const flow = (id, cron) => `id: ${id}
namespace: ${namespace}
tasks:
  - {id: log, type: io.kestra.plugin.core.log.Log, message: hello}
triggers:
  - {id: every, type: io.kestra.plugin.core.trigger.Schedule, cron: "${cron}"}
`;
const states = async () => (await api("GET", `/triggers/search?namespace=${namespace}&size=50&page=1`)).results.map((one) => one.triggerContext);
async function open(check) {
  await putFlow(flow("early", "30 4 * * 1-5"));
  await putFlow(flow("late", "0 23 1 * *"));
  await until("both triggers have their next date", async () => (await states()).filter((one) => one.nextExecutionDate).length === 2);
  const page = await check.open(`triggers?namespace=${namespace}`);
  await page.getByRole("row").nth(2).waitFor();
  return page;
}

export const checks = {
  "cron in words, sorted by the next date": async (check) => {
    const page = await open(check);
    await check.sees("at 04:30 on Monday to Friday");
    await check.click("button", /^Flow/); // the header
    await page.waitForURL(/sort=flowId/);
    await until("sorted", async () => /early/.test(await page.getByRole("row").nth(1).innerText()));
    await check.click("button", /^Flow/);
    await until("sorted the other way", async () => /late/.test(await page.getByRole("row").nth(1).innerText()));
  },
  "many are disabled and enabled": async (check) => {
    const page = await open(check);
    await page.getByLabel("Choose all of this page").check();
    await check.click("button", "Disable");
    await until("disabled", async () => (await states()).every((one) => one.disabled));
    await check.sees("2 triggers disabled");
    await page.getByLabel("Choose all of this page").check();
    await check.click("button", "Enable");
    await until("enabled", async () => (await states()).every((one) => !one.disabled));
  },
  "a backfill from the details, paused, and deleted": async (check) => {
    const page = await open(check);
    await page.getByRole("row", { name: /late/ }).getByRole("button", { name: "every" }).click();
    await check.sees("Declaration");
    await check.accessible();
    await check.click("button", "Backfill …");
    await page.getByLabel("From").fill("2024-01-01T00:00");
    await page.getByLabel("Until").fill("2026-11-01T00:00");
    await check.click("button", "Begin");
    const state = async () => (await states()).find((one) => one.flowId === "late");
    await until("the backfill is there", async () => (await state()).backfill);
    await check.sees("Pause backfill");
    await check.click("button", "Pause backfill");
    await until("paused", async () => (await state()).backfill?.paused);
    await check.click("button", "Delete backfill");
    await until("deleted", async () => !(await state()).backfill);
  },
};
