// SPDX-License-Identifier: Apache-2.0
// What waits between the roles, and how much each group of workers has to do.
import { getQueue } from "../../api/others";
import { Instance, QueueDepth } from "../../api/types";
import { Link } from "../../app/router";
import { Empty, Fact, Failure, Loading, Relative, Stale } from "../../ui/basics";
import { useLoad } from "../../ui/load";
import { Column, Table } from "../../ui/table";

type Group = QueueDepth["groups"][number];
const columns: Column<Group>[] = [
  { name: "name", title: "Group", cell: ({ name }) => name || "default" },
  { name: "waiting", title: "Waiting", number: true, cell: ({ waiting }) => waiting.toLocaleString() },
  { name: "oldest", title: "Waiting since", cell: ({ oldestDate }) => <Relative date={oldestDate} /> },
  { name: "running", title: "Running", number: true, cell: ({ running }) => running.toLocaleString() },
];

/** Shards are taken by the instances of a role; those that nobody holds stand still. */
function Shards({ instances, role }: { instances: Instance[]; role: string }) {
  const held = instances.filter((one) => one.role === role && one.state === "ALIVE").reduce((sum, { shards }) => sum + shards, 0);
  return <Fact name={`Shards of the ${role}`}><span className={held < 64 ? "danger" : undefined}>{held} of 64 held</span></Fact>;
}

export function Queue({ instances }: { instances: Instance[] }) {
  const { data, error, at } = useLoad("queue", getQueue, 3000);
  if (!data) return error ? <Failure error={error} /> : <Loading />;
  return (
    <>
      <Stale error={error} at={at} />
      <dl className="facts big">
        <Fact name="Events not handled">{data.events.toLocaleString()}</Fact>
        <Fact name="Oldest event"><Relative date={data.oldestEventDate} /></Fact>
        <Shards instances={instances} role="executor" /><Shards instances={instances} role="scheduler" />
        <Fact name="Set aside"><Link to="poison" className={data.setAside ? "danger" : undefined}>{data.setAside.toLocaleString()}</Link></Fact>
      </dl>
      <h2>Jobs by group of workers</h2>
      {data.groups.length ? <Table caption="Jobs by group" columns={columns} rows={data.groups} rowKey={({ name }) => name} /> : <Empty>No job waits or runs.</Empty>}
    </>
  );
}
