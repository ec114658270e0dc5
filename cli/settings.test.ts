import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { valuesOf } from '../platform/environment.ts';
import { configPath, parseUrl, readConnection, writeConfig } from './settings.ts';

const dir = mkdtempSync(join(tmpdir(), 'stowage-settings-'));
afterAll(() => rmSync(dir, { recursive: true }));
const file = (name: string, text: string): string => {
  writeFileSync(join(dir, name), text);
  return join(dir, name);
};
const env = { STOWAGE_CONFIG: join(dir, 'config.json') };

describe('where the API is, and who asks', () => {
  test('an option, then the environment, then the context, then the default', () => {
    expect(readConnection({}, env).url.href).toBe('http://127.0.0.1:8080/');
    const keyFile = file('context.key', 'from-context\n');
    writeConfig(env, {
      current: 'a',
      contexts: { a: { url: 'https://a.test', keyFile }, b: { url: 'https://b.test' } },
    });
    expect(readConnection({}, env)).toMatchObject({ key: 'from-context', keySource: keyFile, context: 'a' });
    const said = { ...env, STOWAGE_URL: 'https://env.test/x', STOWAGE_API_KEY: 'from-env' };
    expect(readConnection({}, said)).toMatchObject({ key: 'from-env' });
    expect(readConnection({}, said).url.href).toBe('https://env.test/x/');
    // A context that is named goes before the environment: it could not be asked for otherwise.
    expect(readConnection({ context: 'a' }, said)).toMatchObject({ key: 'from-context' });
    expect(readConnection({ context: 'b', url: 'http://c.test' }, said).url.href).toBe('http://c.test/');
    expect(readConnection({ keyFile: file('k', ' k \n') }, said)).toMatchObject({ key: 'k' });
  });

  test('what is not valid is said: a file, an address, a context', () => {
    const broken = { STOWAGE_CONFIG: file('broken.json', '{"contexts":{"a":{}}}') };
    expect(() => readConnection({}, broken)).toThrow('is not a valid configuration');
    expect(() => readConnection({ context: 'z' }, env)).toThrow('there is no context z');
    expect(() => readConnection({ keyFile: '/nowhere' }, env)).toThrow('the key file /nowhere cannot be read');
    expect(() => parseUrl('stowage.example.com')).toThrow('is not the address of an API');
  });

  test('the file is in the folder for configuration, for its owner alone', () => {
    expect(configPath({ HOME: '/home/ada' })).toBe('/home/ada/.config/stowage/config.json');
    expect(configPath({ HOME: '/home/ada', XDG_CONFIG_HOME: '/c' })).toBe('/c/stowage/config.json');
  });

  test('a process of the product that is started in the same shell takes no offence at the variables of the command', () => {
    const source = readFileSync(join(import.meta.dirname, 'settings.ts'), 'utf8');
    const names = [...source.matchAll(/env\['(STOWAGE_\w+)'\]/g)].map(([, name = '']) => name);
    expect(names).toContain('STOWAGE_URL');
    const own = names.filter((name) => !name.startsWith('STOWAGE_API_KEY'));
    expect(() => valuesOf(Object.fromEntries(own.map((name) => [name, 'x'])), () => '', [])).not.toThrow();
  });
});
