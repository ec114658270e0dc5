import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';

// What operators are given to watch Stowage with: the alert rules, the dashboard and the query for autoscaling of deploy/.

const ROOT = resolve(import.meta.dirname, '../..');
export const RULES = 'deploy/prometheus/stowage.rules.yml';
export const RULE_TESTS = 'deploy/prometheus/stowage.rules.test.yml';
export const DASHBOARD = 'deploy/grafana/stowage.json';

const alert = z.strictObject({
  alert: z.string(),
  expr: z.string(),
  for: z.string().optional(),
  labels: z.strictObject({ severity: z.enum(['critical', 'warning', 'info']) }),
  annotations: z.strictObject({ summary: z.string(), description: z.string(), runbook_url: z.string() }),
});
const target = z.looseObject({ refId: z.string(), expr: z.string() });
const panel = z.looseObject({
  id: z.int(),
  title: z.string(),
  type: z.string(),
  gridPos: z.object({ h: z.int(), w: z.int(), x: z.int(), y: z.int() }),
  targets: z.array(target).default([]),
});

export type Alert = z.infer<typeof alert>;
export type Panel = z.infer<typeof panel>;

export function readAlerts(): readonly Alert[] {
  const text = readFileSync(join(ROOT, RULES), 'utf8');
  const groups = z.array(z.strictObject({ name: z.string(), rules: z.array(alert) }));
  return z
    .strictObject({ groups })
    .parse(parse(text))
    .groups.flatMap(({ rules }) => rules);
}

export function readPanels(): readonly Panel[] {
  const text = readFileSync(join(ROOT, DASHBOARD), 'utf8');
  return z.looseObject({ panels: z.array(panel) }).parse(JSON.parse(text)).panels;
}

export interface Use {
  readonly where: string;
  readonly expr: string;
}

/** Every expression of these, without the variables of others. */
export function expressions(): readonly Use[] {
  return [
    { where: 'what workers are scaled by', expr: scalingQuery() },
    ...readAlerts().map((each) => ({ where: each.alert, expr: each.expr })),
    ...readPanels().flatMap(({ title, targets }) =>
      targets.map(({ expr }) => ({ where: `panel "${title}"`, expr: expr.replaceAll('$__rate_interval', '5m') })),
    ),
  ];
}

/** Of the chart's ScaledObject. */
function scalingQuery(): string {
  const template = readFileSync(join(ROOT, 'deploy/helm/stowage/templates/workers.yaml'), 'utf8');
  const query = /query: \{\{ printf "([^"]*)"/.exec(template)?.[1];
  if (query === undefined) throw new Error('the chart has no query');
  return query.replaceAll('%s', '');
}

/** The metrics that an expression reads, with the labels that it selects, groups or joins by for all of them. */
export function readsOf(expr: string): { readonly metrics: readonly string[]; readonly labels: readonly string[] } {
  const bare = expr.replaceAll(/"[^"]*"/g, '""');
  const grouped = [...bare.matchAll(/\b(?:by|on|without|ignoring) \(([^)]*)\)/g)].flatMap(([, list = '']) =>
    list.split(','),
  );
  const selected = [...bare.matchAll(/([a-z_]+)\s*(?:=~|!~|!=|=)\s*""/g)].map(([, label = '']) => label);
  return {
    metrics: [...new Set(bare.match(/\b(?:stowage|http_server|target)_\w+/g) ?? [])],
    labels: [...new Set([...grouped, ...selected].map((label) => label.trim()).filter((label) => label !== ''))],
  };
}

/** Of Prometheus's text format: names of series with the labels that they have. */
export function seriesOf(text: string): ReadonlyMap<string, ReadonlySet<string>> {
  const series = new Map<string, Set<string>>();
  for (const [, family = ''] of text.matchAll(/^# TYPE (\S+) /gm)) series.set(family, new Set());
  for (const [, name = '', labels = ''] of text.matchAll(/^([a-z_]\w*)(?:\{(.*)\})? \S+$/gm)) {
    const known = series.get(name) ?? new Set<string>();
    for (const [, label = ''] of labels.matchAll(/(\w+)="(?:[^"\\]|\\.)*"/g)) known.add(label);
    series.set(name, known);
  }
  return series;
}
