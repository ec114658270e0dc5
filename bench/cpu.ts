import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Redis } from 'ioredis';

let ticksPerSecond: number | undefined;

/** CPU time of another process since it began, in ms, in steps of a tick (10 ms). Source: proc(5), /proc/<pid>/stat. */
export function cpuMsOf(pid: number): number {
  return statMs(pid, 14);
}

/** As `cpuMsOf`, of its children that have ended. */
export function childrenCpuMsOf(pid: number): number {
  return statMs(pid, 16);
}

/** @param field the number of the one with the user time; that with the system time follows it */
function statMs(pid: number, field: number): number {
  ticksPerSecond ??= Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name, the second field, is in brackets and may have spaces in it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return ((Number(fields[field - 3]) + Number(fields[field - 2])) * 1_000) / ticksPerSecond;
}

/** CPU time of this process, in ms. */
export function ownCpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

function figure(info: string, name: string): number {
  return Number(new RegExp(`^${name}:([\\d.]+)`, 'm').exec(info)?.[1] ?? '0');
}

/** CPU time of the Redis server's main thread, in µs. */
export async function redisMicros(redis: Redis): Promise<number> {
  const info = await redis.info('cpu');
  return (figure(info, 'used_cpu_user_main_thread') + figure(info, 'used_cpu_sys_main_thread')) * 1e6;
}

export async function redisBytes(redis: Redis): Promise<number> {
  return figure(await redis.info('memory'), 'used_memory');
}
