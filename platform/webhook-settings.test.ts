import { expect, test } from 'vitest';
import { readConfig } from './config.ts';

const webhooksOf = (env: Readonly<Record<string, string>>) => readConfig({ HOME: '/home/ada', ...env }).webhooks;

test('blocks of addresses are listed by commas, or all are allowed', () => {
  const allowed = (text: string) => webhooksOf({ STOWAGE_WEBHOOK_ALLOW_PRIVATE: text }).allowPrivate;
  expect(allowed(' 10.20.0.0/16, fd12::/16,127.0.0.1 ')).toEqual(['10.20.0.0/16', 'fd12::/16', '127.0.0.1']);
  expect(allowed('*')).toBe('*');
  for (const text of ['10.0.0.0/33', 'fd12::/129', '10.0.0', 'localhost', '10.0.0.0/', '10.0.0.0/8/8', '*,10.0.0.0/8'])
    expect(() => allowed(text)).toThrow('STOWAGE_WEBHOOK_ALLOW_PRIVATE');
});

test('http is a plain yes or no', () => {
  expect(webhooksOf({ STOWAGE_WEBHOOK_ALLOW_HTTP: 'true' }).allowHttp).toBe(true);
  expect(() => webhooksOf({ STOWAGE_WEBHOOK_ALLOW_HTTP: '1' })).toThrow('STOWAGE_WEBHOOK_ALLOW_HTTP');
});
