import { expect, test } from 'vitest';
import { containerRecord, portOf } from '../../api/docker/container-fixtures.ts';
import { CONTAINER_KEYS } from '../../core/container.ts';
import { reachOf, withReach } from './reach.ts';

const record = containerRecord('one', { spec: { ports: [portOf(80), portOf(443, 8443)] } });
const told = (ports: unknown, ip = ''): { extraConfig: Record<string, string> } => ({
  extraConfig: { [CONTAINER_KEYS.ports]: JSON.stringify(ports), [CONTAINER_KEYS.ip]: ip },
});

test('a port that was left to be chosen is the one that was bound', () => {
  const machine = told([portOf(80, 32_768), portOf(443, 8443)], '10.0.2.15');
  expect(reachOf(machine, record)).toEqual({ ip: '10.0.2.15', ports: [portOf(80, 32_768), portOf(443, 8443)] });
});

test('what was not asked for is not told on: a guest can write what it likes', () => {
  const ports = [portOf(22, 22), portOf(443, 9443), portOf(80, 32_768, { protocol: 'udp' }), portOf(80, 32_768)];
  expect(reachOf(told(ports, '<script>'), record)).toEqual({ ports: [portOf(80, 32_768)] });
  expect(reachOf(told('rubbish'), record)).toBeUndefined();
});

test('one that does not run is reached nowhere', () => {
  const machine = told([portOf(80, 32_768)], '10.0.2.15');
  const running = withReach({ ...record, state: 'running' }, machine);
  expect(running.reach?.ip).toBe('10.0.2.15');
  expect(withReach({ ...running, state: 'exited' }, machine)).not.toHaveProperty('reach');
});
