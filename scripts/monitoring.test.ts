import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { expressions, readAlerts, readPanels, readsOf, RULE_TESTS, RULES } from '../test/harness/monitoring.ts';

// That the metrics are really served is in test/system/monitoring.test.ts.

const root = join(import.meta.dirname, '..');
const hasPromtool = spawnSync('promtool', ['--version']).error === undefined;
const NEEDS_PROMTOOL =
  'promtool is not on the PATH (Debian has it in the package prometheus; scripts/bootstrap test installs it)';

function promtool(...args: readonly string[]): { readonly status: number | null; readonly said: string } {
  const { status, stdout, stderr } = spawnSync('promtool', args, { cwd: root, encoding: 'utf8' });
  return { status, said: `${stdout}${stderr}` };
}

describe('alert rules', () => {
  const alerts = readAlerts();
  const operations = readFileSync(join(root, 'docs/operations.md'), 'utf8');

  test.each(alerts.map((each) => [each.alert, each] as const))(
    '%s has a section in the runbook',
    (name, { annotations }) => {
      expect(annotations.runbook_url).toBe(`docs/operations.md#${name.toLowerCase()}`);
      const section = operations.split(`\n### ${name}\n`)[1]?.split(/\n##/)[0] ?? '';
      for (const part of ['**Means.**', '**Look at.**', '**Do.**']) expect(section, name).toContain(part);
    },
  );

  test('each is tested, and no name is taken twice', () => {
    const names = alerts.map((each) => each.alert);
    expect(new Set(names).size).toBe(names.length);
    const tests = readFileSync(join(root, RULE_TESTS), 'utf8');
    expect(names.filter((name) => !tests.includes(`alertname: ${name}\n`))).toEqual([]);
  });

  test('the runbook has no section of an alert that is not there', () => {
    const sections = [...operations.matchAll(/^### (Stowage\w+)$/gm)].map(([, name]) => name);
    expect(sections).toEqual(alerts.map((each) => each.alert));
  });

  test('they fire when they should, and not when not', (context) => {
    if (!hasPromtool) return context.skip(NEEDS_PROMTOOL);
    const { status, said } = promtool('test', 'rules', RULE_TESTS);
    expect(status, said).toBe(0);
  });

  test('Prometheus takes them', (context) => {
    if (!hasPromtool) return context.skip(NEEDS_PROMTOOL);
    expect(promtool('check', 'rules', RULES).said).toContain(`SUCCESS: ${alerts.length} rules`);
  });
});

describe('the dashboard', () => {
  const panels = readPanels();

  test('panels have ids of their own and do not lie upon one another', () => {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const taken = new Set<string>();
    for (const { title, gridPos } of panels) {
      expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(24);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1)
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
          expect(taken.has(`${x},${y}`), title).toBe(false);
          taken.add(`${x},${y}`);
        }
    }
  });

  test('every panel asks for something, and figures of the whole system are not summed over processes', () => {
    for (const { title, type, targets } of panels) {
      if (type !== 'row') expect(targets.length, title).toBeGreaterThan(0);
      for (const { expr } of targets) {
        const isOfRedis =
          /stowage_(?:jobs|lane|dead|oldest|stalled|recoveries|records|store|host|webhooks|webhook_pending)/;
        if (isOfRedis.test(expr)) expect(expr, title).toMatch(/\bmax(?: by|\()/);
      }
    }
  });

  test('Prometheus understands every expression', (context) => {
    if (!hasPromtool) return context.skip(NEEDS_PROMTOOL);
    const scratch = mkdtempSync(join(tmpdir(), 'stowage-dashboard-'));
    const file = join(scratch, 'rules.yml');
    const rules = expressions().map(({ expr }, at) => ({ record: `panel:${at}`, expr }));
    writeFileSync(file, stringify({ groups: [{ name: 'panels', rules }] }));
    const { status, said } = promtool('check', 'rules', file);
    rmSync(scratch, { recursive: true });
    expect(status, said).toBe(0);
  });
});

test('metrics and labels are found in an expression', () => {
  expect(
    readsOf('sum by (kind, le) (rate(stowage_a_total{outcome!="ok",job=~"x|kind=y"}[5m])) > on () max(stowage_b)'),
  ).toEqual({
    metrics: ['stowage_a_total', 'stowage_b'],
    labels: ['kind', 'le', 'outcome', 'job'],
  });
});
