import { EVENT_TYPES, type EventType } from '../../core/events.ts';
import { eventDataSchema } from '../../core/event-data.ts';

const HEAD = `# Events

Every change appends an event to one stream, in the write that makes the change. \`GET /v1/events\` shows and streams them, webhooks
send them ([api.md](api.md)), and \`GET /v1/event-types\` has a JSON schema of the data of each type.

An event has an \`id\` (it orders events and resumes a reader), a \`type\`, a \`time\`, a \`subject\` (\`volume:demo_vol\`,
\`job:<id>\`: what it is about) and \`data\`. Names and members stay; new ones may come with any version.

This page is generated from \`core/events.ts\` and \`core/event-data.ts\` by \`npm run docs\`.
`;

/** docs/events.md. */
export function renderEventsPage(): string {
  const types = Object.keys(EVENT_TYPES) as EventType[];
  const groups = [...new Set(types.map(groupOf))];
  return `${HEAD}\n${groups.map((group) => renderGroup(group, types)).join('\n')}`;
}

function groupOf(type: EventType): string {
  return type.slice(0, type.indexOf('.'));
}

function renderGroup(group: string, types: readonly EventType[]): string {
  const rows = types.filter((type) => groupOf(type) === group).map(renderType);
  return [`## ${group}.*`, '', '| type | | data |', '|---|---|---|', ...rows, ''].join('\n');
}

function renderType(type: EventType): string {
  const { properties, required } = eventDataSchema(type);
  const members = Object.keys(properties).map((name) =>
    required.includes(name) ? `\`${name}\`` : `\`${name}\` (may be absent)`,
  );
  return `| \`${type}\` | ${EVENT_TYPES[type].replaceAll('|', '\\|')} | ${members.join(', ')} |`;
}
