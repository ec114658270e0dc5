import { z } from 'zod';
import { StowageError } from '../../core/errors.ts';

// The body of `POST /containers/create`: Docker's Config, with HostConfig and NetworkingConfig in it (moby api/types/container). SDKs
// send null for what was not given. Members that are not listed here are kept, and looked at by container-options.ts.

const text = z.string().nullish();
const flag = z.boolean().nullish();
const number = z.number().nullish();
const texts = z.array(z.string()).nullish();
const map = z.record(z.string(), z.string()).nullish();
/** Keys of an object whose values are empty: Go's sets. */
const keys = z.record(z.string(), z.unknown()).nullish();
/** SDKs of old send one string for a list. */
const command = z
  .union([z.string().transform((one) => [one]), z.array(z.string())])
  .nullish()
  .transform((list) => list ?? undefined);

const mount = z.looseObject({
  Type: text,
  Source: text,
  Target: text,
  ReadOnly: flag,
  VolumeOptions: z
    .object({
      NoCopy: flag,
      Labels: map,
      Subpath: text,
      DriverConfig: z.object({ Name: text, Options: map }).nullish(),
    })
    .nullish(),
});
export type MountBody = z.infer<typeof mount>;

const binding = z.object({ HostIp: text, HostPort: text });

const hostConfig = z.looseObject({
  Binds: texts,
  Mounts: z.array(mount).nullish(),
  VolumesFrom: texts,
  VolumeDriver: text,
  NetworkMode: text,
  PortBindings: z.record(z.string(), z.array(binding).nullish()).nullish(),
  RestartPolicy: z.object({ Name: text, MaximumRetryCount: number }).nullish(),
  AutoRemove: flag,
  Memory: number,
  NanoCpus: number,
});
export type HostConfigBody = z.infer<typeof hostConfig>;

const endpoint = z.object({
  IPAMConfig: z.unknown().optional(),
  DriverOpts: z.unknown().optional(),
  Links: texts,
  Aliases: texts,
  MacAddress: text,
});

const createBody = z.looseObject({
  Image: text,
  Entrypoint: command,
  Cmd: command,
  Env: texts,
  WorkingDir: text,
  User: text,
  Hostname: text,
  Domainname: text,
  Labels: map,
  Tty: flag,
  OpenStdin: flag,
  AttachStdin: flag,
  AttachStdout: flag,
  AttachStderr: flag,
  StopSignal: text,
  StopTimeout: number,
  ExposedPorts: keys,
  Volumes: keys,
  NetworkDisabled: flag,
  HostConfig: hostConfig.nullish().transform((host): HostConfigBody => host ?? {}),
  NetworkingConfig: z.object({ EndpointsConfig: z.record(z.string(), endpoint.nullish()).nullish() }).nullish(),
});
export type CreateBody = z.infer<typeof createBody>;

/** @throws `body-malformed` */
export function readCreateBody(body: unknown): CreateBody {
  const parsed = createBody.safeParse(body ?? {});
  if (!parsed.success) throw new StowageError('body-malformed', `invalid JSON: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

const updateBody = z.looseObject({
  Memory: number,
  NanoCpus: number,
  RestartPolicy: z.object({ Name: text, MaximumRetryCount: number }).nullish(),
});
export type UpdateBody = z.infer<typeof updateBody>;

/** Of `POST /containers/{name}/update`. @throws `body-malformed` */
export function readUpdateBody(body: unknown): UpdateBody {
  const parsed = updateBody.safeParse(body ?? {});
  if (!parsed.success) throw new StowageError('body-malformed', `invalid JSON: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

/** Whether a member says nothing: Go's clients send every member, with its zero value. */
export function isEmptyValue(value: unknown): boolean {
  if (value === null || value === undefined || value === '' || value === 0 || value === false) return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}
