import { expect, test } from 'vitest';
import { containerRecord, portOf } from './container-fixtures.ts';
import { readPorts, renderNetworkPorts, renderPorts } from './container-ports.ts';

test('--publish-all adds what is exposed and not named', () => {
  expect(readPorts({ '80': [{ HostPort: '8080' }] }, { '80/tcp': {}, '53/udp': {} })).toEqual([
    portOf(80, 8080),
    portOf(53, 0, { protocol: 'udp' }),
  ]);
});

test('a port of the host that was chosen is shown once it is bound', () => {
  const record = containerRecord('one', { state: 'running', spec: { ports: [portOf(80)] } });
  expect(renderNetworkPorts(record)).toEqual({ '80/tcp': null });
  const bound = { ...record, reach: { ip: '10.0.2.15', ports: [portOf(80, 32_768)] } };
  expect(renderNetworkPorts(bound)).toEqual({ '80/tcp': [{ HostIp: '0.0.0.0', HostPort: '32768' }] });
  expect(renderPorts(bound)).toEqual([{ IP: '0.0.0.0', PublicPort: 32_768, PrivatePort: 80, Type: 'tcp' }]);
});

test('where nothing is forwarded nothing is shown as forwarded', () => {
  const record = containerRecord('one', { state: 'running', spec: { ports: [portOf(80, 8080)] } });
  expect(renderPorts({ ...record, reach: { ip: '192.0.2.7', ports: [] } })).toEqual([{ PrivatePort: 80, Type: 'tcp' }]);
});
