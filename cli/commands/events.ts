import type { Command } from 'commander';
import { z } from 'zod';
import { addCommand, manyOption, option, type Program, type Run } from '../command.ts';
import type { Exit } from '../failure.ts';
import { followEvents } from '../event-source.ts';
import { itemSchema, pageOptions, showList } from '../list.ts';
import { column, type Item, wide } from '../output/table.ts';
import { lookOfState } from '../output/style.ts';
import { oneLine } from '../output/words.ts';

const COLUMNS = [
  column('TIME', 'time'),
  column('TYPE', 'type'),
  wide('SUBJECT', 'subject'),
  wide('DATA', ({ data }) => dataWords(data)),
];

export function eventCommands(root: Command, program: Program): void {
  addCommand(root, program, {
    usage: 'events',
    summary: 'What happened, newest first; with --follow what happens, as it happens',
    options: [
      option(
        '-f, --follow',
        'go on with what comes; the stream is resumed when it breaks. --json gives a document a line',
      ),
      manyOption('--type <type>', 'only of this type (see docs/events.md); may be given several times'),
      option('--subject <subject>', 'only about this, e.g. volume:demo_vol'),
      option('--after <id>', 'with --follow: begin after this event; 0: with all that is kept'),
      ...pageOptions(),
    ],
    examples: ['events --subject volume:demo_vol', 'events --follow --type job.dead --json'],
    run: async (run) => {
      const types = run.options.texts('type');
      const query = { subject: run.options.text('subject'), ...(types.length === 0 ? {} : { type: types }) };
      if (run.options.flag('follow')) return await follow(run, { ...query, after: run.options.text('after') });
      await showList(run, { path: 'v1/events', query, columns: COLUMNS, nouns: 'events' });
      return 'ok';
    },
  });
}

async function follow(run: Run, query: Parameters<typeof followEvents>[1]['query']): Promise<Exit> {
  const { client, io, out } = run;
  const onBreak = (reason: string): void => out.note(`${reason}; the stream is resumed`);
  for await (const { data } of followEvents(client, { query, signal: io.interrupted, onBreak })) {
    const event = itemSchema.parse(JSON.parse(data));
    if (out.isJson) out.jsonLine(event);
    else out.line(lineOf(run, event));
  }
  // Only Ctrl-C ends it, and that is how it is meant to end.
  return 'ok';
}

function lineOf({ out }: Run, event: Item): string {
  const { time, type, subject, data } = z
    .looseObject({ time: z.string(), type: z.string(), subject: z.string(), data: z.unknown() })
    .parse(event);
  const name = oneLine(type);
  const look = lookOfState(name.split('.').at(-1) ?? '');
  const words = dataWords(data);
  return [
    out.paint('dim', oneLine(time)),
    out.paint(look, name),
    oneLine(subject),
    out.paint('dim', oneLine(words ?? '')),
  ]
    .join('  ')
    .trimEnd();
}

/** `from=running to=succeeded`: the members that are short. */
function dataWords(data: unknown): string | undefined {
  if (typeof data !== 'object' || data === null) return undefined;
  const words = Object.entries(data).map(([name, value]) => {
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    return `${name}=${/\s/.test(text) ? JSON.stringify(text) : text}`;
  });
  return words.length === 0 ? undefined : words.join(' ');
}
