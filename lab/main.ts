import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Config, readConfig } from '../platform/config.ts';
import { ConfigError } from '../platform/environment.ts';
import { createLogger } from '../platform/log.ts';
import { createShutdown } from '../platform/shutdown.ts';
import { HELP, labBanner, productBanner } from './banner.ts';
import { lockDataDir } from './data-dir.ts';
import { startLab } from './data-centre.ts';
import { startProduct } from './product.ts';

const options = { help: { type: 'boolean', short: 'h' }, 'only-lab': { type: 'boolean' } } as const;

async function bringUp(config: Config, isOnlyLab: boolean): Promise<void> {
  const { env } = process;
  const logger = createLogger({ name: 'lab', level: config.logLevel, destination: process.stderr });
  const closing = createShutdown(logger);
  try {
    const lock = lockDataDir(config.dataDir);
    closing.add('lock', lock.release);
    const settings = { config, env, logger, closing, root: join(import.meta.dirname, '..') };
    const lab = await startLab(settings);
    console.log(isOnlyLab ? labBanner(lab) : productBanner(await startProduct(settings, lab), lab, config));
  } catch (error) {
    if (!closing.signal.aborted) console.error(error instanceof Error ? error.message : String(error));
    await closing.run('could not start', 1);
  }
}

async function main(): Promise<void> {
  try {
    const { values } = parseArgs({ options });
    if (values.help) console.log(HELP);
    else await bringUp(readConfig(process.env), values['only-lab'] ?? false);
  } catch (error) {
    // A fault of whoever called: no stack.
    console.error(error instanceof Error ? error.message : String(error));
    if (error instanceof ConfigError) console.error('All settings: docs/configuration.md');
    process.exitCode = 2;
  }
}

await main();
