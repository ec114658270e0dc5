import { z } from 'zod';
import { type ContainerRecord, NETWORK_MODES, RESTART_POLICIES } from '../../core/container.ts';
import type { Versioned } from '../../core/record.ts';
import { CONTAINER_STATES, type ContainerState } from '../../core/states.ts';
import { ACCESS_MODES } from '../../core/volume.ts';

const containerStates = Object.keys(CONTAINER_STATES) as [ContainerState, ...ContainerState[]];
export const containerState = z.enum(containerStates);
const time = z.iso.datetime();
const strings = z.array(z.string());

export const containerView = z
  .object({
    id: z.string(),
    name: z.string(),
    state: containerState,
    image: z.string().describe('Its id'),
    imageName: z.string().describe('As the caller named it'),
    entrypoint: strings,
    command: strings,
    env: strings,
    workingDir: z.string(),
    user: z.string(),
    hostname: z.string(),
    labels: z.record(z.string(), z.string()),
    network: z.enum(NETWORK_MODES),
    mounts: z.array(
      z.object({
        volume: z.string(),
        destination: z.string(),
        access: z.enum(ACCESS_MODES),
        anonymous: z.boolean(),
        backing: z.enum(['block', 'files']),
      }),
    ),
    autoRemove: z.boolean(),
    memoryBytes: z.number(),
    nanoCpus: z.number(),
    restart: z.object({ name: z.enum(RESTART_POLICIES), maxRetries: z.int() }),
    run: z.object({
      wanted: z.enum(['running', 'stopped']).describe('What recovery goes by'),
      startedAt: time.optional(),
      finishedAt: time.optional(),
      exitCode: z.int().optional(),
      restarts: z.int(),
    }),
    machine: z
      .object({
        ref: z.string(),
        uuid: z.string(),
        vmxPath: z.string(),
        host: z.string().optional().describe('The moref of the host on which it runs, or ran last'),
      })
      .nullable(),
    reach: z
      .object({
        ip: z.string().optional().describe('As its guest told it'),
        ports: z.array(
          z.object({
            containerPort: z.int(),
            protocol: z.enum(['tcp', 'udp', 'sctp']),
            hostIp: z.string().describe('Empty: any'),
            hostPort: z.int(),
          }),
        ),
      })
      .optional()
      .describe('Of one that runs: its address, and the ports that are forwarded to it'),
    error: z.string().optional().describe('Why it did not start, waits, or is dead'),
    recovery: z.string().optional().describe('The recovery that has it'),
    job: z.string().optional().describe('That changed it last'),
    flag: z.object({ reason: z.string(), passes: z.int(), since: time }).optional(),
    createdAt: time,
    updatedAt: time,
    rev: z.int(),
  })
  .meta({ id: 'Container' });

export function viewContainer({ record, rev }: Versioned<ContainerRecord>): z.infer<typeof containerView> {
  const { name, called, state, spec, settings, run, machine, reach, error, recovery, job, flag, createdAt, updatedAt } =
    record;
  return {
    id: name,
    name: called,
    state,
    image: spec.image,
    imageName: spec.imageName,
    entrypoint: [...spec.entrypoint],
    command: [...spec.command],
    env: [...spec.env],
    workingDir: spec.workingDir,
    user: spec.user,
    hostname: spec.hostname,
    labels: spec.labels,
    network: spec.network,
    mounts: spec.mounts.map(({ volume, destination, access, anonymous, backing }) => ({
      volume,
      destination,
      access,
      anonymous,
      backing,
    })),
    autoRemove: spec.autoRemove,
    ...settings,
    run,
    machine: machine ?? null,
    ...(reach === undefined ? {} : { reach: { ...reach, ports: [...reach.ports] } }),
    ...(error === undefined ? {} : { error }),
    ...(recovery === undefined ? {} : { recovery }),
    ...(job === undefined ? {} : { job }),
    ...(flag === undefined ? {} : { flag }),
    createdAt,
    updatedAt,
    rev,
  };
}
