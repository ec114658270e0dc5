import { expect, test } from 'vitest';
import { HostileRegistry, openTestRegistry } from './rig.ts';

const signal = new AbortController().signal;
const short = ({
  registry,
  endpoint,
  isMirror,
  isNamed,
  fault,
}: Awaited<ReturnType<ReturnType<typeof openTestRegistry>['examine']>>[number]) => ({
  registry,
  endpoint,
  isMirror,
  isNamed,
  code: fault?.code,
});

test('mirrors and registries are asked each apart; what is not one says so', async () => {
  await using good = await HostileRegistry.start();
  await using other = await HostileRegistry.start();
  other.hook = (_request, response) => {
    response.writeHead(500).end('no registry');
    return true;
  };
  await using registry = openTestRegistry({ mirrors: new Map([[other.host, [new URL(good.origin)]]]) });
  const found = await registry.examine([good.host], signal);
  expect(found.map(short)).toEqual([
    { registry: good.host, endpoint: good.host, isMirror: false, isNamed: true, code: undefined },
    { registry: other.host, endpoint: good.host, isMirror: true, isNamed: true, code: undefined },
    { registry: other.host, endpoint: other.host, isMirror: false, isNamed: true, code: 'registry-failed' },
  ]);
});

test('one that may not be used is told; patterns name none', async () => {
  await using registry = openTestRegistry({ allowed: ['*.example.com'] });
  const found = await registry.examine(['other.test'], signal);
  expect(found.map(short)).toEqual([
    { registry: 'other.test', endpoint: 'other.test', isMirror: false, isNamed: true, code: 'registry-not-allowed' },
  ]);
});
