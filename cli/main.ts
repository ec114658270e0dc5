import packageJson from '../package.json' with { type: 'json' };
import { exitCode } from './command.ts';
import { processIo } from './io.ts';
import { runProgram } from './program.ts';

process.exitCode = exitCode(await runProgram(process.argv.slice(2), processIo(), packageJson.version));
