import type { Command } from 'commander';
import { addCommand, type Program } from '../command.ts';
import { Failure } from '../failure.ts';
import { memberAt } from '../output/table.ts';

export function versionCommand(root: Command, program: Program): void {
  addCommand(root, program, {
    usage: 'version',
    summary: 'The version of this command and of the API',
    run: async ({ out, client }) => {
      const server = await client.ask({ path: 'healthz' }).then(
        ({ body }) => ({ version: memberAt(body, 'version') ?? null }),
        (error: unknown) => {
          if (error instanceof Failure) return { version: null, fault: error.message };
          throw error;
        },
      );
      const versions = {
        client: { version: program.version, node: process.versions.node },
        server: { url: client.connection.url.href, ...server },
      };
      if (out.isJson) out.json(versions);
      else out.detail(versions);
    },
  });
}
