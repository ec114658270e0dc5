import { join } from 'node:path';
import { runChecks, sourceChecks } from './checks.ts';

const outcomes = await runChecks(sourceChecks(join(import.meta.dirname, '..')), (text) => console.log(text));
process.exitCode = outcomes.every((outcome) => outcome.isGood) ? 0 : 1;
