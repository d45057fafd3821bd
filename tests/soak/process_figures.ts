/**
 * What Linux knows of a process, read from `/proc`, so that a process that is starved cannot hide it.
 *
 * @module
 */

/** Figures of a process at one moment; `NaN` where the system does not tell. */
export interface ProcessFigures {
  /** Resident memory, in MiB. */
  readonly resident: number;
  /** Open descriptors. */
  readonly descriptors: number;
  /** CPU time since its start, in milliseconds. */
  readonly cpu: number;
}

const UNKNOWN: ProcessFigures = { resident: NaN, descriptors: NaN, cpu: NaN };
const PAGE = 4096;
const TICK = 10; // clock ticks of 10 ms (proc_pid_stat(5))

/** Reads the figures of a process; `null` for one that has ended. */
export function readProcess(pid: number | null): ProcessFigures {
  if (Deno.build.os !== "linux" || pid === null) return UNKNOWN;
  try {
    const pages = Number(Deno.readTextFileSync(`/proc/${pid}/statm`).split(" ")[1]);
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return {
      resident: pages * PAGE / 2 ** 20,
      descriptors: [...Deno.readDirSync(`/proc/${pid}/fd`)].length,
      cpu: (Number(fields[11]) + Number(fields[12])) * TICK,
    };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied) {
      return UNKNOWN;
    }
    throw error;
  }
}
