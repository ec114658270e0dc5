import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { PRIVILEGES } from './privileges.ts';
import { renderPrivilegesPage } from './privileges-page.ts';
import type { Operation } from './schema/define.ts';
import { OPERATIONS } from './schema/table.ts';

const page = readFileSync(join(import.meta.dirname, '..', 'docs', 'vcenter-role.md'), 'utf8');

describe('the list of privileges', () => {
  test('docs/vcenter-role.md shows it as it is (else: npm run docs)', () => {
    expect(page).toBe(renderPrivilegesPage(page));
  });

  test('none is in it twice for one place', () => {
    const keys = PRIVILEGES.map(({ id, on }) => `${id} on ${on}`);
    expect(keys).toEqual([...new Set(keys)]);
  });

  test('every method that changes something is named by a privilege that it wants', () => {
    const named = PRIVILEGES.map(({ calls }) => calls).join(' ');
    const isDatastoreFile = /VirtualDisk_Task$|DatastoreFile_Task$/;
    const missing = Object.entries<Operation>(OPERATIONS)
      .filter(([name, { changes }]) => changes === true && !isDatastoreFile.test(name) && !named.includes(name))
      .map(([name]) => name);
    expect(missing).toEqual([]);
  });
});
