// SPDX-License-Identifier: Apache-2.0
import { getInstances } from "../../api/others";
import { Instance } from "../../api/types";
import { PageHead } from "../../app/shell";
import { Empty, Failure, Loading, Relative, Stale, When } from "../../ui/basics";
import { useLoad } from "../../ui/load";
import { Column, Table } from "../../ui/table";
import { Queue } from "./queue";

const columns: Column<Instance>[] = [
  { name: "state", title: "State", cell: (one) => <b className={one.state === "ALIVE" ? "level-info" : "level-error"}>{one.state}</b> },
  { name: "role", title: "Role", cell: (one) => one.role },
  { name: "host", title: "Host", cell: (one) => one.host },
  { name: "id", title: "Instance", cell: (one) => <span className="mono">{one.id}</span> },
  { name: "started", title: "Started", cell: (one) => <When date={one.startDate} /> },
  { name: "heartbeat", title: "Heartbeat", cell: (one) => <Relative date={one.heartbeatDate} /> },
  { name: "shards", title: "Shards", number: true, cell: (one) => (one.shards ? one.shards : "") },
  { name: "jobs", title: "Jobs", number: true, cell: (one) => (one.role === "worker" ? one.jobs : "") },
];

export default function ClusterPage() {
  const { data, error, at } = useLoad("instances", getInstances, 5000);
  return (
    <>
      <PageHead title="Cluster" text="Cluster" />
      {data ? <Stale error={error} at={at} /> : error ? <Failure error={error} /> : <Loading />}
      {data && <Queue instances={data} />}
      <h2>Instances</h2>
      {data && (data.length ? <Table caption="Instances of the roles" columns={columns} rows={data} rowKey={(one) => one.id} /> : <Empty>No instance has joined.</Empty>)}
      <p className="quiet">On a machine: <code>systemctl status 'kestra-*'</code> and <code>kestractl status</code>.</p>
    </>
  );
}
