import type { Command } from 'commander';
import { z } from 'zod';
import { addCommand, noun, option, type Program, type Run } from '../command.ts';
import { Failure } from '../failure.ts';
import { submissionOptions, submit } from '../follow.ts';
import { pageOptions, readEvery, segment, showList, showOne } from '../list.ts';
import { column, type Item, wide } from '../output/table.ts';
import { eachOf } from './jobs.ts';

const COLUMNS = [
  wide('NAMES', tagsOf, 'list'),
  column('ID', (item) => String(item['id']).slice(7, 19)),
  column('STATE', 'state', 'state'),
  column('LAYERS', 'layers', 'count'),
  column('SIZE', 'sizeBytes', 'size'),
  column('AGE', 'createdAt', 'age'),
];

/** Names with digests are long, and say no more than the id; they are shown where there is no other. */
function tagsOf({ names }: Item): string | undefined {
  const all = Array.isArray(names) ? names.map(String) : [];
  const tags = all.filter((name) => !name.includes('@'));
  return (tags.length > 0 ? tags : all).join(', ');
}

export function imageCommands(root: Command, program: Program): void {
  const parent = noun(root, 'image', 'Images: layers that containers are made of').alias('images');
  addCommand(parent, program, {
    usage: 'list',
    aliases: ['ls'],
    summary: 'List images',
    options: pageOptions(),
    run: async (run) => await showList(run, { path: 'v1/images', columns: COLUMNS, nouns: 'images' }),
  });
  addCommand(parent, program, {
    usage: 'show <image>',
    aliases: ['inspect'],
    summary: 'Show an image, by a name, its id, or the beginning of its id',
    completes: 'image',
    run: async (run) => await showOne(run, `v1/images/${segment((await findImage(run, run.name)).id)}`),
  });
  addCommand(parent, program, {
    usage: 'pull <reference>',
    summary: 'Fetch an image from its registry',
    options: [option('--platform <platform>', 'e.g. linux/arm64'), ...submissionOptions()],
    examples: ['image pull busybox', 'image pull registry.example.com/team/app:1.4 --detach'],
    run: async (run) => {
      const platform = run.options.text('platform');
      const payload = { reference: run.name, ...(platform === undefined ? {} : { platform }) };
      return await submit(run, { path: 'v1/jobs', body: { kind: 'image.pull', payload } });
    },
  });
  addCommand(parent, program, {
    usage: 'tag <image> <reference>',
    summary: 'Give an image another name',
    completes: 'image',
    options: submissionOptions(),
    run: async (run) => {
      const { id } = await findImage(run, run.name);
      const payload = { image: id, reference: run.args[1] };
      return await submit(run, { path: 'v1/jobs', body: { kind: 'image.tag', payload } });
    },
  });
  addCommand(parent, program, {
    usage: 'remove <images...>',
    aliases: ['rm'],
    summary: 'Remove images; by a name only that name goes, and the image with its last one',
    completes: 'image',
    options: [option('-f, --force', 'by id: also with names of several repositories'), ...submissionOptions()],
    run: async (run) => await eachOf(run, async (image) => await remove(run, image)),
  });
}

async function remove(run: Run, image: string) {
  const { id, name } = await findImage(run, image);
  const payload = {
    image: id,
    ...(name === undefined ? {} : { reference: name }),
    ...(run.options.flag('force') ? { force: true } : {}),
  };
  return await submit(run, { path: 'v1/jobs', body: { kind: 'image.remove', payload } });
}

const imageSchema = z.looseObject({ id: z.string(), names: z.array(z.string()) });

/** `name` is the canonical one, when it was found by a name. @throws Failure not-found */
async function findImage(run: Run, wanted: string): Promise<{ readonly id: string; readonly name?: string }> {
  if (/^sha256:[0-9a-f]{64}$/.test(wanted)) return { id: wanted };
  const images = (await readEvery(run.client, 'v1/images')).map((item: Item) => imageSchema.parse(item));
  const name = canonical(wanted);
  const named = images.find(({ names }) => names.includes(name));
  if (named !== undefined) return { id: named.id, name };
  const digits = wanted.replace(/^sha256:/, '');
  const begun = /^[0-9a-f]{4,64}$/.test(digits) ? images.filter(({ id }) => id.startsWith(`sha256:${digits}`)) : [];
  const [found, another] = begun;
  if (another !== undefined) throw new Failure('not-found', `${wanted} is the beginning of several ids of images`);
  if (found !== undefined) return { id: found.id };
  throw new Failure('not-found', `there is no image ${wanted}`, { advice: 'See `stowage image list`.' });
}

/** A name as the API writes it: Docker's rule. */
export function canonical(reference: string): string {
  const [, path = reference, digest = ''] = /^([^@]*)(@.*)?$/.exec(reference) ?? [];
  const [first = '', ...rest] = path.split('/');
  const hasRegistry = rest.length > 0 && (/[.:]/.test(first) || first === 'localhost');
  const full = hasRegistry ? path : `docker.io/${rest.length === 0 ? 'library/' : ''}${path}`;
  const hasTag = /:[^/]*$/.test(full.slice(full.indexOf('/')));
  return `${full}${hasTag || digest !== '' ? '' : ':latest'}${digest}`;
}
