// SPDX-License-Identifier: Apache-2.0
// When a trigger starts the flow, in words.
import { TriggerSource } from "../../api/types";
import { cronWords } from "../../ui/cron";
import { shortType } from "../../ui/text";

export function Trigger({ source }: { source: TriggerSource }) {
  if (!source.cron) return <>{shortType(source.type)}{typeof source.interval === "string" ? ` every ${source.interval}` : ""}</>;
  const words = cronWords(source.cron);
  return <><code title={words}>{source.cron}</code>{words ?? ""}{source.timezone ? `, ${source.timezone}` : ""}</>;
}

/** The same in short; hover has the words. */
export const TriggerTag = ({ source }: { source: TriggerSource }) => <code className="nowrap" title={[source.type, source.cron && cronWords(source.cron)].filter(Boolean).join("\n")}>{source.cron ?? source.id}</code>;
