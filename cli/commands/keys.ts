import type { Command } from 'commander';
import { addCommand, noun, option, type Program } from '../command.ts';
import { itemSchema, segment, showList } from '../list.ts';
import { column, wide } from '../output/table.ts';
import { harmless } from '../output/words.ts';
import { eachOf } from './jobs.ts';

const COLUMNS = [
  column('ID', 'id'),
  wide('NAME', 'name'),
  column('ROLE', 'role'),
  column('MADE BY', 'createdBy'),
  column('AGE', 'createdAt', 'age'),
  column('LAST USED', 'lastUsedAt', 'age'),
];

export function keyCommands(root: Command, program: Program): void {
  const parent = noun(root, 'key', 'API keys (for admins)').alias('keys');
  addCommand(parent, program, {
    usage: 'list',
    aliases: ['ls'],
    summary: 'List API keys',
    run: async (run) => await showList(run, { path: 'v1/keys', columns: COLUMNS, nouns: 'keys', isWhole: true }),
  });
  addCommand(parent, program, {
    usage: 'create <name>',
    summary: 'Make an API key; it is printed this once',
    options: [
      option('--role <role>', 'what it may do', { choices: ['viewer', 'operator', 'admin'] }).makeOptionMandatory(),
    ],
    examples: ['key create ci --role operator > ci.key'],
    run: async ({ client, out, options, name }) => {
      const body = { name, role: options.text('role') };
      const key = itemSchema.parse((await client.call({ method: 'POST', path: 'v1/keys', body })).body);
      if (out.isJson) out.json(key);
      else {
        out.note(`The key ${name}, role ${String(key['role'])}, id ${String(key['id'])}. It is shown this once:`);
        out.line(harmless(String(key['key'])));
      }
    },
  });
  addCommand(parent, program, {
    usage: 'revoke <ids...>',
    aliases: ['remove', 'rm'],
    summary: 'Revoke API keys; requests with them are refused from now on',
    completes: 'key',
    run: async (run) =>
      await eachOf(run, async (id) => {
        await run.client.call({ method: 'DELETE', path: `v1/keys/${segment(id)}` });
        run.out.note(`Key ${id} is revoked.`);
      }),
  });
}
