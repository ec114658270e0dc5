import { GATEWAY_SETTINGS } from './gateway-settings.ts';
import { OIDC_SETTINGS } from './oidc-settings.ts';
import { REGISTRY_SETTINGS } from './registry-settings.ts';
import type { Setting } from './setting.ts';
import { SETTINGS } from './settings.ts';
import { WEB_SETTINGS } from './web-settings.ts';

const HEAD = `# Configuration

Everything is set by environment variables. All faults are reported at once, and an unknown \`STOWAGE_…\` variable is one of
them. An empty variable counts as absent. A secret never appears in a log or an error message; its \`…_FILE\` form names a file
that holds it, for container secrets.

\`api\` and \`workers\` need \`VCENTER_URL\`, \`VCENTER_USER\`, \`VCENTER_PASSWORD\`, \`REDIS_URL\` and \`STOWAGE_VOLUME_STORES\`.
\`gateway\` needs \`REDIS_URL\` and \`STOWAGE_GATEWAY_KEY\`. \`npm start\` needs nothing: it brings up what is not named.

This page is generated from \`platform/settings.ts\` and \`platform/registry-settings.ts\` by \`npm run docs\`.
`;

const TAIL = `
## Telemetry

The standard variables of OpenTelemetry apply. Without any \`OTEL_EXPORTER_OTLP_…\` variable nothing leaves the process, and
metrics are still to be read at \`/metrics\`.

| variable | what it does |
|---|---|
| \`OTEL_EXPORTER_OTLP_ENDPOINT\` | Where traces and metrics go, e.g. \`http://collector:4318\`. |
| \`OTEL_EXPORTER_OTLP_PROTOCOL\` | \`http/protobuf\` (default) or \`http/json\`; for traces also \`grpc\`. |
| \`OTEL_SERVICE_NAME\` | In place of \`stowage-api\` and \`stowage-workers\`. |
| \`OTEL_TRACES_SAMPLER\`, \`OTEL_TRACES_SAMPLER_ARG\` | Which traces are kept. |
| \`OTEL_METRIC_EXPORT_INTERVAL\` | Milliseconds between two exports of metrics (60000). |
| \`OTEL_SDK_DISABLED\` | \`true\` switches traces and metrics off. |
`;

/** The text of docs/configuration.md. */
export function renderSettingsPage(): string {
  const settings: readonly (readonly [string, Setting])[] = Object.entries(SETTINGS);
  const sections = [
    ['## vCenter and Redis', settings.filter(([name]) => !name.startsWith('STOWAGE_'))],
    ['## Stowage', settings.filter(([name]) => isOwn(name))],
    ['## Browsers and signing in', settings.filter(([name]) => name in WEB_SETTINGS || name in OIDC_SETTINGS)],
    ['## Gateways: the insides of containers', settings.filter(([name]) => name in GATEWAY_SETTINGS)],
    ['## Docker API, images and registries', settings.filter(([name]) => name in REGISTRY_SETTINGS)],
  ] as const;
  const tables = sections.map(([title, rows]) => `\n${title}\n\n${HEADER}\n${rows.map(renderRow).join('\n')}\n`);
  return `${HEAD}${tables.join('')}${TAIL}`;
}

function isOwn(name: string): boolean {
  const others = [REGISTRY_SETTINGS, GATEWAY_SETTINGS, WEB_SETTINGS, OIDC_SETTINGS];
  return name.startsWith('STOWAGE_') && !others.some((settings) => name in settings);
}

const HEADER = '| variable | what it is | type | default | example |\n|---|---|---|---|---|';

function renderRow([name, setting]: readonly [string, Setting]): string {
  const names = setting.mayBeFile ? `\`${name}\` or \`${name}_FILE\`` : `\`${name}\``;
  const fallback = setting.defaultText ?? (setting.fallback === undefined ? 'none' : `\`${setting.fallback}\``);
  const description = setting.isSecret ? `${setting.description} **Secret.**` : setting.description;
  const cells = [names, description, setting.type, fallback, `\`${setting.example}\``];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}
