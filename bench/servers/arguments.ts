/** The command line of a server under measurement: the name of the workload. */
import { isWorkloadName, type WorkloadName } from "../workloads.ts";

/** The workload that this process is to serve. */
export function workloadArgument(): WorkloadName {
  const [name = ""] = Deno.args;
  if (isWorkloadName(name)) return name;
  console.error(`There is no workload ${JSON.stringify(name)}`);
  Deno.exit(1);
}

/** Tells the benchmark that this process is ready. */
export function announce(port: number): void {
  console.log(`port ${port}`);
}
