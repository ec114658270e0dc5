import { StowageError } from '../../core/errors.ts';
import { findContainer } from '../../jobs/container/find.ts';
import type { FoundImage } from '../../jobs/image/naming.ts';
import { indexImages } from '../../jobs/image/naming.ts';
import { configurationOf } from '../../jobs/image/configuration.ts';
import { type Answer, json, refusal } from './answer.ts';
import { type CreateBody, isEmptyValue, readCreateBody } from './container-body.ts';
import { readMounts } from './container-mounts.ts';
import { attachWarning, examineOptions } from './container-options.ts';
import { readPorts } from './container-ports.ts';
import { readRestartPolicy } from './container-update.ts';
import { explainFields } from './explain.ts';
import { allRecords } from './listing.ts';
import type { Call, DockerParts, Route } from './parts.ts';
import { runJob } from './run-job.ts';

async function create(call: Call, parts: DockerParts): Promise<Answer> {
  const body = readCreateBody(await call.readJson());
  const found = await findImage(call, parts, body.Image ?? '');
  const warnings = [...examineOptions(body), ...(parts.guests === undefined ? attachWarning(body) : [])];
  const mounts = await readMounts(body, (text) => findContainer(parts.records, text));
  const payload = payloadOf(call, body, found, mounts.mounts);
  try {
    const { id } = await runJob(call, parts, 'container.create', payload);
    return json({ Id: id, Warnings: [...warnings, ...mounts.warnings] }, 201);
  } catch (error) {
    if (!(error instanceof StowageError)) throw error;
    if (error.kind === 'not-found' && error.code !== 'image-not-found') return refusal(409, error.message);
    throw explainFields(error);
  }
}

/** @throws `image-not-found`: the CLI pulls it then, and asks again */
async function findImage(call: Call, { records }: DockerParts, name: string): Promise<FoundImage> {
  if (name === '') throw new StowageError('request-invalid', 'no image was named');
  const found = indexImages(await allRecords(records, 'image')).find(name);
  const platform = (call.query.get('platform') ?? '').toLowerCase();
  const { os, architecture } = configurationOf(found.image.record);
  const has = `${os}/${architecture}`;
  if (platform === '' || platform === has || platform === os || platform.startsWith(`${has}/`)) return found;
  throw new StowageError(
    'image-not-found',
    `image with reference ${name} was found but its platform (${has}) does not match the specified platform (${platform})`,
  );
}

function payloadOf(
  call: Call,
  body: CreateBody,
  { image }: FoundImage,
  mounts: Awaited<ReturnType<typeof readMounts>>['mounts'],
): object {
  const { HostConfig: host } = body;
  const restart = readRestartPolicy(host.RestartPolicy ?? {});
  if (host.AutoRemove === true && restart.name !== 'no')
    throw new StowageError('request-invalid', "can't create 'AutoRemove' container with restart policy");
  const name = (call.query.get('name') ?? '').replace(/^\//, '');
  const isNone = host.NetworkMode === 'none' || body.NetworkDisabled === true;
  const exposed = { ...exposedBy(image), ...body.ExposedPorts };
  return {
    image: body.Image,
    ...given({ name, workingDir: body.WorkingDir, user: body.User, hostname: body.Hostname }),
    ...given({ domainname: body.Domainname, labels: body.Labels, stopSignal: body.StopSignal, env: body.Env }),
    ...given({ tty: body.Tty, openStdin: body.OpenStdin, autoRemove: host.AutoRemove }),
    ...given({ memoryBytes: memoryOf(host.Memory), nanoCpus: host.NanoCpus, command: body.Cmd }),
    ...(body.Entrypoint === undefined ? {} : { entrypoint: entrypointOf(body.Entrypoint) }),
    ...(typeof body.StopTimeout === 'number' ? { stopTimeoutSeconds: body.StopTimeout } : {}),
    network: isNone ? 'none' : 'bridge',
    ports: readPorts(host.PortBindings ?? {}, host.PublishAllPorts === true ? exposed : {}),
    mounts,
    restart,
    engine: engineOf(body, exposed),
  };
}

function exposedBy({ record }: FoundImage['image']): object {
  const { ExposedPorts: ports } = configurationOf(record).config;
  return typeof ports === 'object' && ports !== null ? ports : {};
}

/** `--entrypoint ""` takes the image's away, and arrives as `[""]`. */
function entrypointOf(entrypoint: readonly string[]): readonly string[] {
  return entrypoint.length === 1 && entrypoint[0] === '' ? [] : entrypoint;
}

/** @throws `request-invalid` */
function memoryOf(bytes: number | null | undefined): number | undefined {
  if (typeof bytes !== 'number' || bytes === 0) return undefined;
  if (bytes < 6 * 1_048_576) throw new StowageError('request-invalid', 'Minimum memory limit allowed is 6MB');
  return bytes;
}

/** Members that say something. */
function given<T extends object>(members: T): Partial<T> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => !isEmptyValue(value))) as Partial<T>;
}

/** What is kept for `docker inspect`, without what is empty: each container's machine carries it. */
function engineOf({ HostConfig: host, ...config }: CreateBody, exposed: object): object {
  return { Config: given({ ...config, NetworkingConfig: undefined, ExposedPorts: exposed }), HostConfig: given(host) };
}

export const containerCreateRoutes: readonly Route[] = [
  {
    method: 'POST',
    path: '/containers/create',
    role: 'operator',
    support: { as: 'partial', missing: 'see the options of `docker run` above' },
    handler: create,
  },
];
