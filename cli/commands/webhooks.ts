import type { Command } from 'commander';
import type { Call } from '../client.ts';
import { addCommand, manyOption, noun, option, type Program, type Run } from '../command.ts';
import { usageFailure } from '../failure.ts';
import { timeOf } from '../input.ts';
import { itemSchema, pageOptions, segment, showList, showOne } from '../list.ts';
import { column, type Item, wide } from '../output/table.ts';
import { eachOf } from './jobs.ts';

const COLUMNS = [
  column('ID', 'id'),
  wide('URL', 'url'),
  column('STATE', 'state', 'state'),
  wide('EVENTS', 'eventTypes', 'list'),
  column('PENDING', 'pending', 'count'),
  column('FAILING', 'failingSince', 'age'),
  wide('DESCRIPTION', 'description'),
];
const DELIVERIES = [
  column('ID', 'id'),
  column('STATE', 'state', 'state'),
  column('TYPE', 'event.type'),
  wide('SUBJECT', 'event.subject'),
  column('ATTEMPTS', 'attemptCount', 'count'),
  column('STATUS', lastStatus),
  column('AGE', 'createdAt', 'age'),
  wide('ERROR', lastError),
];

const last = ({ attempts }: Item): Item =>
  Array.isArray(attempts) ? ((attempts.at(-1) as Item | undefined) ?? {}) : {};

function lastStatus(item: Item): string | undefined {
  const { status } = last(item);
  return typeof status === 'number' ? String(status) : undefined;
}

function lastError(item: Item): string | undefined {
  const { error } = last(item);
  return typeof error === 'string' ? error : undefined;
}

export function webhookCommands(root: Command, program: Program): void {
  const parent = noun(root, 'webhook', 'Webhooks: events sent to a URL').alias('webhooks');
  addCommand(parent, program, {
    usage: 'list',
    aliases: ['ls'],
    summary: 'List webhooks, oldest first',
    run: async (run) =>
      await showList(run, { path: 'v1/webhooks', columns: COLUMNS, nouns: 'webhooks', isWhole: true }),
  });
  addCommand(parent, program, {
    usage: 'show <id>',
    aliases: ['inspect'],
    summary: 'Show a webhook',
    completes: 'webhook',
    run: async (run) => await showOne(run, `v1/webhooks/${segment(run.name)}`),
  });
  changeCommands(parent, program);
  secretCommands(parent, program);
  deliveryCommands(parent, program);
}

/** Makes the call, and shows what it answers. */
async function act({ client, out }: Run, call: Call, said: string): Promise<void> {
  const { body } = await client.call(call);
  out.note(said);
  const item = itemSchema.safeParse(body);
  if (!item.success) return;
  if (out.isJson) out.json(item.data);
  else out.detail(item.data);
}

const settingOptions = () => [
  manyOption('--event <type>', 'a type, a group like volume.*, or *; may be given several times'),
  option('--description <text>', 'for people'),
  option('--format <format>', 'how events are sent', { choices: ['standard', 'cloudevents-binary'] }),
];

function settings({ options }: Run): Item {
  const eventTypes = options.texts('event');
  const [description, format] = [options.text('description'), options.text('format')];
  return {
    ...(eventTypes.length === 0 ? {} : { eventTypes }),
    ...(description === undefined ? {} : { description }),
    ...(format === undefined ? {} : { format }),
  };
}

function changeCommands(parent: Command, program: Program): void {
  addCommand(parent, program, {
    usage: 'create <url>',
    summary: 'Have events sent to a URL from now on; its secret is printed this once',
    options: settingOptions(),
    examples: ["webhook create https://hooks.example.com/stowage --event 'volume.*' --event job.dead"],
    run: async (run) =>
      await act(
        run,
        { method: 'POST', path: 'v1/webhooks', body: { url: run.name, ...settings(run) } },
        'Its secret verifies signatures. It is shown this once:',
      ),
  });
  addCommand(parent, program, {
    usage: 'update <id>',
    summary: 'Change, enable or disable a webhook',
    completes: 'webhook',
    options: [
      option('--url <url>', 'send there instead'),
      option('--enable', 'send again'),
      option('--disable', 'send nothing'),
      ...settingOptions(),
    ],
    // The address of the API has another name here.
    urlOption: '--api-url <url>',
    run: async (run) => {
      const { options } = run;
      if (options.flag('enable') && options.flag('disable'))
        throw usageFailure('--enable and --disable exclude each other');
      const url = options.text('url');
      const state = options.flag('enable') ? 'enabled' : options.flag('disable') ? 'disabled' : undefined;
      const body = {
        ...settings(run),
        ...(url === undefined ? {} : { url }),
        ...(state === undefined ? {} : { state }),
      };
      if (Object.keys(body).length === 0) throw usageFailure('nothing to change was given');
      await act(run, { method: 'PATCH', path: `v1/webhooks/${segment(run.name)}`, body }, 'It is changed:');
    },
  });
  addCommand(parent, program, {
    usage: 'remove <ids...>',
    aliases: ['rm'],
    summary: 'Remove webhooks with their deliveries',
    completes: 'webhook',
    run: async (run) =>
      await eachOf(run, async (id) => {
        await run.client.call({ method: 'DELETE', path: `v1/webhooks/${segment(id)}` });
        run.out.note(`Webhook ${id} is removed.`);
      }),
  });
}

function secretCommands(parent: Command, program: Program): void {
  addCommand(parent, program, {
    usage: 'rotate <id>',
    summary: 'Make a new secret, printed this once; for a while both sign',
    completes: 'webhook',
    options: [option('--overlap <hours>', 'how long the old one signs, too (24)')],
    run: async (run) => {
      const overlapHours = run.options.number('overlap');
      const body = overlapHours === undefined ? {} : { overlapHours };
      const call = { method: 'POST', path: `v1/webhooks/${segment(run.name)}/rotate`, body } as const;
      await act(
        run,
        overlapHours === undefined ? { ...call, body: undefined } : call,
        'The new secret is shown this once:',
      );
    },
  });
  addCommand(parent, program, {
    usage: 'test <id>',
    summary: 'Send a webhook.test event there, once',
    completes: 'webhook',
    run: async (run) =>
      await act(run, { method: 'POST', path: `v1/webhooks/${segment(run.name)}/test` }, 'It is on its way:'),
  });
}

function deliveryCommands(parent: Command, program: Program): void {
  addCommand(parent, program, {
    usage: 'deliveries <id>',
    summary: 'List the deliveries of a webhook, newest event first',
    completes: 'webhook',
    options: [
      option('--state <state>', 'only in this state, e.g. pending, delivered, failed'),
      option('--type <type>', 'only of this type of event'),
      option('--subject <subject>', 'only about this, e.g. volume:demo_vol'),
      ...pageOptions(),
    ],
    run: async (run) => {
      const names = ['state', 'type', 'subject'];
      const query = Object.fromEntries(names.map((name) => [name, run.options.text(name)]));
      const path = `v1/webhooks/${segment(run.name)}/deliveries`;
      await showList(run, { path, query, columns: DELIVERIES, nouns: 'deliveries' });
    },
  });
  addCommand(parent, program, {
    usage: 'delivery <id>',
    summary: 'Show a delivery with its attempts: request, answer, times',
    run: async (run) => await showOne(run, `v1/deliveries/${segment(run.name)}`),
  });
  addCommand(parent, program, {
    usage: 'resend <delivery>',
    summary: 'Send a delivery again now, under the same id',
    run: async (run) =>
      await act(run, { method: 'POST', path: `v1/deliveries/${segment(run.name)}/resend` }, 'It is on its way:'),
  });
  addCommand(parent, program, {
    usage: 'replay <id>',
    summary: 'Send again what it wants of a time',
    completes: 'webhook',
    options: [
      option('--since <time>', 'a time, or how long ago, e.g. 2h').makeOptionMandatory(),
      option('--until <time>', 'default: now'),
    ],
    examples: ['webhook replay whk_01kb6m1t3y --since 2h'],
    run: async (run) => {
      const { options, io } = run;
      const since = timeOf(options.text('since'), '--since', io.nowMs());
      const until = timeOf(options.text('until'), '--until', io.nowMs());
      const body = { since, ...(until === undefined ? {} : { until }) };
      await act(run, { method: 'POST', path: `v1/webhooks/${segment(run.name)}/replay`, body }, 'It is on its way:');
    },
  });
}
