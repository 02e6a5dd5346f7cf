// SPDX-License-Identifier: Apache-2.0
// Each screen in light and dark, on a phone and on a very small one: accessible, nothing too wide, a title of its own.
import { api, assert, execute, putFlow } from "./check.mjs";

const namespace = "screens.team";
const flows = {
  hello: `id: hello
namespace: ${namespace}
description: Greets
labels:
  team: data
inputs:
  - {id: name, type: STRING, defaults: world}
tasks:
  - {id: greet, type: io.kestra.plugin.core.log.Log, message: "Hello {{ inputs.name }}"}
  - {id: value, type: io.kestra.plugin.core.debug.Return, format: "{{ task.id }}"}
triggers:
  - {id: nightly, type: io.kestra.plugin.core.trigger.Schedule, cron: "0 3 * * *"}
`,
  broken: `id: broken
namespace: ${namespace}
tasks:
  - {id: fails, type: io.kestra.plugin.core.execution.Fail, errorMessage: the disk is full}
`,
};

/** What the screens show; made once. */
let shown;
const prepare = () => (shown ??= (async () => {
  for (const source of Object.values(flows)) await putFlow(source);
  const file = new FormData();
  file.append("fileContent", new Blob(["SELECT *\nFROM orders\n"]), "all.sql");
  await api("POST", `/namespaces/${namespace}/files?path=/queries/all.sql`, file);
  await api("PUT", `/namespaces/${namespace}/kv/region`, '"eu-central-1"', "text/plain");
  const execution = await execute(namespace, "hello", { query: "?labels=run:screens" });
  await execute(namespace, "broken");
  return execution;
})());

const screens = {
  dashboard: () => "dashboard",
  flows: () => "flows",
  ...Object.fromEntries(["overview", "topology", "editor", "revisions", "executions", "triggers", "dependencies", "logs", "metrics"].map((tab) =>
    [`flow-${tab}`, () => `flows/${namespace}/hello/${tab}`])),
  "flow-new": () => "flows/new",
  executions: () => "executions",
  ...Object.fromEntries(["overview", "gantt", "topology", "logs", "outputs", "metrics"].map((tab) =>
    [`execution-${tab}`, ({ id }) => `executions/${namespace}/hello/${id}/${tab}`])),
  logs: () => "logs",
  triggers: () => "triggers",
  namespaces: () => "namespaces",
  namespace: () => `namespaces/${namespace}`,
  "namespace-files": () => `namespaces/${namespace}/files?path=/queries/all.sql`,
  "namespace-kv": () => `namespaces/${namespace}/kv`,
  "namespace-dependencies": () => `namespaces/${namespace}/dependencies`,
  plugins: () => "plugins",
  plugin: () => "plugins/io.kestra.plugin.core.log.Log",
  cluster: () => "cluster",
  settings: () => "settings",
  poison: () => "poison",
};
const looks = {
  light: {}, dark: { colorScheme: "dark" }, phone: { viewport: { width: 390, height: 844 } }, small: { viewport: { width: 320, height: 640 } },
  wide: { viewport: { width: 2560, height: 1300 } },
};

/** In place, as one turns a phone or the light off; pictures are of pages that were opened so. */
async function change(check, address, { viewport = { width: 1280, height: 800 }, colorScheme = "light" }) {
  await check.page?.setViewportSize(viewport);
  await check.page?.emulateMedia({ colorScheme, reducedMotion: "reduce" });
  if (check.page && !check.screenshots) return;
  await check.open(address, { viewport, colorScheme });
  await check.settled();
}

async function look(check, address) {
  for (const [name, options] of Object.entries(looks)) {
    await change(check, address, options);
    await check.fits();
    if (name === "light" || name === "dark" || name === "phone") await check.accessible();
    if (name !== "small" && name !== "wide") await check.picture(`${check.screen}-${name}`);
  }
}

export const checks = Object.fromEntries(Object.entries(screens).map(([screen, address]) => [screen, async (check) => {
  check.screen = screen;
  await look(check, address(await prepare()));
  assert((await check.page.title()) !== "Kestra", "the title of the page says nothing");
}]));

export { flows, prepare, namespace, screens };
