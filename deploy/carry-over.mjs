// Takes API keys and webhooks from an old copy of Redis into the one in use, and nothing else: docs/upgrading.md.
//
//   OLD_REDIS_URL=redis://127.0.0.1:6390 REDIS_URL=redis://… node deploy/carry-over.mjs
import { createLogger } from '../platform/log.ts';
import { randomBytes, systemClock } from '../platform/clock.ts';
import { readConfig } from '../platform/config.ts';
import { parseRedisUrl } from '../platform/redis-url.ts';
import { carryOver } from '../store/carry-over.ts';

const { OLD_REDIS_URL: old, ...environment } = process.env;
const { redis, redisPrefix } = readConfig(environment);
if (!old || redis === undefined) {
  process.stderr.write('usage: OLD_REDIS_URL=… REDIS_URL=… node deploy/carry-over.mjs\n');
  process.exit(2);
}
const carried = await carryOver({
  from: parseRedisUrl(old),
  to: redis,
  prefix: redisPrefix,
  logger: createLogger({ name: 'carry-over', level: 'error' }),
  nowMs: () => systemClock.nowMs(),
  randomBytes,
});
process.stdout.write(`carried over: ${carried.keys} API keys, ${carried.webhooks} webhooks\n`);
