import { describe, expect, test } from 'vitest';
import { readCreateBody } from './container-body.ts';
import { attachWarning, examineOptions, OPTIONS } from './container-options.ts';

/** What `docker run -d busybox` sends. */
const PLAIN = {
  AttachStdin: false,
  AttachStdout: false,
  AttachStderr: false,
  Image: 'busybox',
  Labels: {},
  OnBuild: null,
  HostConfig: {
    LogConfig: { Type: '', Config: {} },
    NetworkMode: 'default',
    RestartPolicy: { Name: 'no', MaximumRetryCount: 0 },
    ConsoleSize: [0, 0],
    MemorySwappiness: -1,
    Devices: [],
    IpcMode: '',
    Isolation: '',
    MaskedPaths: null,
  },
  NetworkingConfig: { EndpointsConfig: { default: { IPAMConfig: null, Aliases: null, MacAddress: '' } } },
};

const examine = (host: object, more: object = {}) =>
  examineOptions(readCreateBody({ ...PLAIN, ...more, HostConfig: { ...PLAIN.HostConfig, ...host } }));

describe('options of a request', () => {
  test('nothing is said of a plain one, nor of what changes nothing', () => {
    expect(examine({})).toEqual([]);
    expect(examine({ IpcMode: 'private', UsernsMode: 'host', Runtime: 'vsphere', MemorySwap: -1 })).toEqual([]);
  });

  test.each(OPTIONS.filter(({ fate }) => fate !== 'refused').flatMap(({ members }) => members))(
    '%s is warned of',
    (member) => {
      const [outer = '', inner] = member.replace(/^\./, '').split('.');
      const value = inner === undefined ? { x: 'y' } : { [inner]: { x: 'y' } };
      const known = member === 'PortBindings' ? { '80/tcp': [{ HostPort: '80' }] } : value;
      const warnings = member.startsWith('.') ? examine({}, { [outer]: known }) : examine({ [outer]: known });
      expect(warnings).toEqual([expect.stringMatching(/^--.*: (kept, but not applied yet|discarded)/)]);
    },
  );

  test.each(OPTIONS.filter(({ fate }) => fate === 'refused').flatMap(({ members }) => members))(
    '%s is refused',
    (member) => {
      const [outer = '', inner] = member.replace(/^\./, '').split('.');
      const value = inner === undefined ? 'odd' : { [inner]: 'odd' };
      expect(() => (member.startsWith('.') ? examine({}, { [outer]: value }) : examine({ [outer]: value }))).toThrow(
        /^--/,
      );
    },
  );

  test('what is not known here is named', () => {
    expect(examine({ FutureOption: true }, { FutureMember: ['x'] })).toEqual([
      'FutureMember: kept, but not known here, and not applied',
      'FutureOption: kept, but not known here, and not applied',
    ]);
  });

  test('who wants to attach is told before that fails', () => {
    expect(attachWarning({ AttachStdout: true })).toEqual([expect.stringContaining('docker run -d')]);
  });

  test.each<readonly [string, object | undefined, string]>([
    ['host', undefined, 'use bridge'],
    ['container:web', undefined, 'use bridge'],
    ['mine', undefined, 'network mine not found: the networks are bridge and none'],
    ['bridge', { bridge: { Aliases: ['web'] } }, '--network-alias: the port group'],
    ['default', { default: { IPAMConfig: { IPv4Address: '10.0.0.1' } } }, '--ip: the port group'],
    ['bridge', { other: {} }, 'network other not found'],
  ])('network %s %j is refused', (mode, endpoints, message) => {
    const networking = endpoints === undefined ? {} : { NetworkingConfig: { EndpointsConfig: endpoints } };
    expect(() => examine({ NetworkMode: mode }, networking)).toThrow(message);
  });
});
