/** The CPU time of a process, from Linux' `/proc`. */

/**
 * The CPU time that all threads of a process have used, in microseconds: `utime` and `stime` of `/proc/PID/stat`
 * (proc_pid_stat(5)), which count clock ticks of, usually, 10 ms.
 */
export async function cpuMicroseconds(pid: number): Promise<number> {
  const stat = await Deno.readTextFile(`/proc/${pid}/stat`);
  // The second field is the program's name in parentheses, which may have spaces; the third is the state.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const ticks = Number(fields[14 - 3]) + Number(fields[15 - 3]);
  return ticks * 1_000_000 / await ticksPerSecond;
}

const ticksPerSecond = readTicks();

async function readTicks(): Promise<number> {
  const { stdout } = await new Deno.Command("getconf", { args: ["CLK_TCK"] }).output();
  return Number(new TextDecoder().decode(stdout));
}
