import { isErrorCode, StowageError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/job.ts';
import { canonicalReference, familiarReference, parseReference, partsOf, shortId } from '../../core/reference.ts';
import { type Answer, json, refusal } from './answer.ts';
import { filterImages, prunableImages } from './image-filter.ts';
import { type FoundImage, type ImageIndex, indexImages, type NamedImage } from '../../jobs/image/naming.ts';
import { groupByImage, renderHistory, renderImage, renderSummary, sharedBytes, sizesOf } from './image-view.ts';
import { allRecords } from './listing.ts';
import type { Call, DockerParts, Route } from './parts.ts';
import { flagOf } from './query.ts';
import { runJob } from './run-job.ts';

async function indexOf({ records }: Pick<DockerParts, 'records'>): Promise<ImageIndex> {
  return indexImages(await allRecords(records, 'image'));
}

async function find(call: Call, parts: DockerParts): Promise<FoundImage> {
  return (await indexOf(parts)).find(call.names['name'] ?? '');
}

async function list(call: Call, parts: DockerParts): Promise<Answer> {
  const index = await indexOf(parts);
  const isShared = flagOf(call.query, 'shared-size');
  const shared = isShared ? sharedBytes(index.images, sizesOf(await allRecords(parts.records, 'layer'))) : undefined;
  const users = groupByImage(await allRecords(parts.records, 'container'));
  const options = { minor: call.minor, withManifests: call.minor >= 47 && flagOf(call.query, 'manifests') };
  const images = filterImages(call.query, index, parts.clock.nowMs());
  return json(
    images.map((image) =>
      renderSummary(image, {
        ...options,
        sharedBytes: shared?.get(image.record.name) ?? (isShared ? 0 : -1),
        containers: users.get(image.record.name) ?? [],
      }),
    ),
  );
}

async function inspect(call: Call, parts: DockerParts): Promise<Answer> {
  return json(renderImage((await find(call, parts)).image, call.minor));
}

async function history(call: Call, parts: DockerParts): Promise<Answer> {
  const { image } = await find(call, parts);
  return json(renderHistory(image, sizesOf(await allRecords(parts.records, 'layer'))));
}

async function tag(call: Call, parts: DockerParts): Promise<Answer> {
  const repository = call.query.get('repo') ?? '';
  const parsed = parseReference(repository);
  if (typeof parsed === 'string') throw new StowageError('reference-invalid', `invalid reference format: ${parsed}`);
  if (parsed.digest !== undefined)
    throw new StowageError('reference-invalid', 'refusing to create a tag with a digest reference');
  const wanted = call.query.get('tag') ?? '';
  const named = parseReference(wanted === '' ? repository : `${parsed.registry}/${parsed.repository}:${wanted}`);
  if (typeof named === 'string') throw new StowageError('reference-invalid', `invalid tag format: ${named}`);
  const { image } = await find(call, parts);
  await runJob(call, parts, 'image.tag', { image: image.record.name, reference: canonicalReference(named) });
  return { type: 'empty', status: 201 };
}

async function remove(call: Call, parts: DockerParts): Promise<Answer> {
  const found = await find(call, parts);
  const force = flagOf(call.query, 'force');
  return json(rowsOf(await removeFound(call, parts, found, force)));
}

/** By a name only that name goes, and the image with its last one; by its id all of it. */
async function removeFound(call: Call, parts: DockerParts, found: FoundImage, force: boolean): Promise<JsonObject> {
  const { image, reference } = found;
  const id = shortId(image.record.name);
  if (reference === undefined && !force && repositoriesOf(image).size > 1) {
    const message = `conflict: unable to delete ${id} (must be forced) - image is referenced in multiple repositories`;
    throw new StowageError('image-in-use', message);
  }
  return await runJob(call, parts, 'image.remove', {
    image: image.record.name,
    ...(reference === undefined ? {} : { reference }),
    ...(force ? { force } : {}),
  });
}

function repositoriesOf({ tags, digests }: NamedImage): ReadonlySet<string> {
  const names = [...tags, ...digests].map(partsOf);
  return new Set(names.map(({ registry, repository }) => `${registry}/${repository}`));
}

interface RemovalRow {
  readonly Untagged?: string;
  readonly Deleted?: string;
}

function rowsOf(result: JsonObject): readonly RemovalRow[] {
  const untagged = textsOf(result['untagged']).map((text) => {
    const parts = parseReference(text);
    return { Untagged: typeof parts === 'string' ? text : familiarReference(canonicalReference(parts)) };
  });
  return [...untagged, ...textsOf(result['deleted']).map((text) => ({ Deleted: text }))];
}

function textsOf(value: JsonObject[string] | undefined): readonly string[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : [];
}

/** One after another: a layer goes with the last image that has it. What comes into use meanwhile stays. */
async function prune(call: Call, parts: DockerParts): Promise<Answer> {
  const index = await indexOf(parts);
  const sizes = sizesOf(await allRecords(parts.records, 'layer'));
  const users = groupByImage(await allRecords(parts.records, 'container'));
  const rows: RemovalRow[] = [];
  for (const image of prunableImages(call.query, index, parts.clock.nowMs())) {
    if (users.has(image.record.name)) continue;
    try {
      rows.push(...rowsOf(await removeFound(call, parts, { image }, true)));
    } catch (error) {
      if (!isErrorCode(error, 'image-in-use', 'image-busy', 'image-not-found')) throw error;
    }
  }
  const gone = new Set(rows.map((row) => row.Deleted));
  const reclaimed = [...sizes].reduce((sum, [diffId, bytes]) => sum + (gone.has(diffId) ? bytes : 0), 0);
  return json({ ImagesDeleted: rows, SpaceReclaimed: reclaimed });
}

const NOT_DISTRIBUTED = 'reading the manifest of an image in its registry is not supported: pull it, then inspect it';
const supported = { as: 'supported' } as const;

export const imageRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/images/json',
    role: 'viewer',
    support: { as: 'partial', missing: 'manifests: only the one that was pulled; identity' },
    handler: list,
  },
  { method: 'POST', path: '/images/prune', since: 25, role: 'operator', support: supported, handler: prune },
  { method: 'GET', path: '/images/{name:.*}/json', role: 'viewer', support: supported, handler: inspect },
  { method: 'GET', path: '/images/{name:.*}/history', role: 'viewer', support: supported, handler: history },
  { method: 'POST', path: '/images/{name:.*}/tag', role: 'operator', support: supported, handler: tag },
  {
    method: 'GET',
    path: '/distribution/{name:.*}/json',
    since: 30,
    role: 'viewer',
    support: { as: 'refused', status: 501, text: NOT_DISTRIBUTED },
    handler: () => refusal(501, NOT_DISTRIBUTED),
  },
  { method: 'DELETE', path: '/images/{name:.*}', role: 'operator', support: supported, handler: remove },
];
