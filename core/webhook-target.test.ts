import { describe, expect, test } from 'vitest';
import { createTargetGuard } from './webhook-target.ts';

const strict = createTargetGuard({ allowPrivate: [], allowHttp: false });

describe('addresses that webhooks may not reach', () => {
  test.each([
    ['0.0.0.0', 'this network'],
    ['10.0.0.1', 'private'],
    ['10.255.255.255', 'private'],
    ['100.64.0.1', 'carrier-grade NAT'],
    ['100.127.255.255', 'carrier-grade NAT'],
    ['127.0.0.1', 'loopback'],
    ['127.255.0.1', 'loopback'],
    ['169.254.169.254', 'link-local'],
    ['172.16.0.1', 'private'],
    ['172.31.255.255', 'private'],
    ['192.0.0.8', 'IETF'],
    ['192.0.2.1', 'documentation'],
    ['192.168.1.1', 'private'],
    ['198.18.0.1', 'benchmarking'],
    ['224.0.0.1', 'multicast'],
    ['240.0.0.1', 'reserved'],
    ['255.255.255.255', 'broadcast'],
    ['::', 'not global unicast'],
    ['::1', 'not global unicast'],
    ['::127.0.0.1', 'not global unicast'],
    ['::ffff:127.0.0.1', 'loopback'],
    ['::ffff:7f00:1', 'loopback'],
    ['0:0:0:0:0:ffff:a9fe:a9fe', 'link-local'],
    ['::ffff:10.0.0.1', 'private'],
    ['64:ff9b::7f00:1', 'not global unicast'],
    ['64:ff9b:1::1', 'not global unicast'],
    ['100::1', 'not global unicast'],
    ['2001::1', 'Teredo'],
    ['2001:db8::1', 'documentation'],
    ['2002:7f00:1::', '6to4'],
    ['3fff::1', 'documentation'],
    ['fc00::1', 'not global unicast'],
    ['fd12:3456::1', 'not global unicast'],
    ['fe80::1', 'not global unicast'],
    ['fe80::1%eth0', 'link-local'],
    ['fec0::1', 'not global unicast'],
    ['ff02::1', 'not global unicast'],
    ['localhost', 'not an address'],
  ])('%s: %s', (address, reason) => {
    expect(strict.explainAddress(address)).toContain(reason);
  });

  test.each(['8.8.8.8', '100.63.255.255', '100.128.0.1', '172.15.0.1', '172.32.0.1', '192.167.1.1', '223.255.255.1'])(
    '%s may be reached',
    (address) => expect(strict.explainAddress(address)).toBeUndefined(),
  );
  test.each(['2606:4700::1111', '2a00:1450:4001::1', '::ffff:8.8.8.8', '::ffff:808:808'])(
    '%s may be reached',
    (address) => expect(strict.explainAddress(address)).toBeUndefined(),
  );

  test('what is listed may be reached, and nothing beside it', () => {
    const guard = createTargetGuard({ allowPrivate: ['10.20.0.0/16', 'fd12::/16', '127.0.0.1'], allowHttp: false });
    for (const address of ['10.20.1.1', '::ffff:10.20.1.1', 'fd12:1::1', '127.0.0.1']) {
      expect(guard.explainAddress(address)).toBeUndefined();
    }
    for (const address of ['10.21.0.1', 'fd13::1', '127.0.0.2', '::1']) {
      expect(guard.explainAddress(address)).toContain('STOWAGE_WEBHOOK_ALLOW_PRIVATE');
    }
    expect(createTargetGuard({ allowPrivate: '*', allowHttp: false }).explainAddress('::1')).toBeUndefined();
  });
});

describe('URLs', () => {
  test.each([
    ['https://hooks.example.com/a?b=c', undefined],
    ['https://8.8.8.8:8443/', undefined],
    ['http://hooks.example.com/', 'STOWAGE_WEBHOOK_ALLOW_HTTP'],
    ['https://a@hooks.example.com/', 'user or password'],
    ['https://hooks.example.com/#x', 'fragment'],
    ['file:///etc/passwd', 'https://'],
    ['//hooks.example.com', 'https://'],
    ['https://127.1/', 'loopback'],
    ['https://017700000001/', 'loopback'],
    ['https://[::1]:80/', 'not global unicast'],
  ])('%s: %s', (url, fault) => {
    if (fault === undefined) expect(strict.explainUrl(url)).toBeUndefined();
    else expect(strict.explainUrl(url)).toContain(fault);
  });

  test('http is taken where that is allowed', () => {
    const guard = createTargetGuard({ allowPrivate: [], allowHttp: true });
    expect(guard.explainUrl('http://hooks.example.com/')).toBeUndefined();
  });
});
