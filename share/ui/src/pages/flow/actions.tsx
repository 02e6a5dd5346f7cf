// SPDX-License-Identifier: Apache-2.0
// What can be done with a flow beside executing it. A flow that a file owns is changed in the file.
import { deleteFlow, exportFlows, flowsByIds } from "../../api/flows";
import { Flow, FlowFile } from "../../api/types";
import { navigate } from "../../app/router";
import { confirm } from "../../ui/dialog";
import { download } from "../../ui/download";
import { Menu } from "../../ui/menu";
import { telling } from "../../ui/toast";

export function FlowActions({ flow, file, reload }: { flow: Flow; file?: FlowFile; reload: () => void }) {
  const { namespace, id } = flow;
  const refused = file && "owned by a file";
  const toggle = async () => {
    if (await telling(flow.disabled ? "Enabled" : "Disabled", () => flowsByIds(flow.disabled ? "enable" : "disable", [{ namespace, id }]))) reload();
  };
  const remove = async () => {
    if (await confirm(`Delete ${namespace}.${id}?`, <p>Its executions stay; no trigger of it starts another.</p>, "Delete")
      && await telling(`Deleted ${namespace}.${id}`, () => deleteFlow(namespace, id))) navigate("flows");
  };
  const archive = () => telling("Exported", async () => download(await exportFlows([{ namespace, id }]), `${namespace}.${id}.zip`));
  return (
    <>
      <label className="switch" title={refused}>
        <input type="checkbox" role="switch" checked={!flow.disabled} disabled={Boolean(refused)} onChange={() => void toggle()} /> Enabled
      </label>
      <Menu label="More" commands={[
        { label: "Copy to a new flow", run: () => navigate(`flows/new?copy=${encodeURIComponent(`${namespace}/${id}`)}`) },
        { label: "Download as YAML", run: () => download(new Blob([flow.source ?? ""], { type: "application/yaml" }), `${namespace}.${id}.yaml`) },
        { label: "Export as ZIP", run: () => void archive() },
        { label: "Delete", danger: true, refused, run: () => void remove() },
      ]} />
    </>
  );
}
