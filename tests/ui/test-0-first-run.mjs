// SPDX-License-Identifier: Apache-2.0
// Named so that it is first: it wants a server without flows.
import { api, assert, untilState } from "./check.mjs";

export const checks = {
  "three clicks from nothing to a finished flow": async (check) => {
    assert((await api("GET", "/flows/search")).total === 0, "there are flows already");
    const page = await check.open("");
    await check.sees("No flow yet");
    await check.picture("first-run");
    await check.accessible();
    await check.click("button", "Make it and run it");
    await page.waitForURL(/\/executions\/company\.team\/hello\//);
    const id = page.url().split("/hello/")[1].split(/[/?]/)[0];
    const { state } = await untilState(id);
    assert(state.current === "SUCCESS", `it ended as ${state.current}`);
    await check.sees("SUCCESS");
    await api("DELETE", "/flows/company.team/hello");
  },
};
