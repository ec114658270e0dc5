import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { renderEndpointsPage } from '../api/docker/endpoints-page.ts';
import { renderErrorsPage } from '../api/rest/errors-page.ts';
import { renderEventsPage } from '../api/rest/events-page.ts';
import { renderCommandsPage } from '../cli/commands-page.ts';
import { renderChartSchema } from '../platform/chart-schema.ts';
import { renderSettingsPage } from '../platform/settings-page.ts';
import { renderPrivilegesPage } from '../vsphere/privileges-page.ts';

// Writes the pages of docs/ that are generated, and the chart's list of settings. Tests hold them equal to their sources.
writeFileSync(join(import.meta.dirname, '..', 'docs', 'configuration.md'), renderSettingsPage());
writeFileSync(join(import.meta.dirname, '..', 'docs', 'errors.md'), renderErrorsPage());
writeFileSync(join(import.meta.dirname, '..', 'docs', 'events.md'), renderEventsPage());
writeFileSync(join(import.meta.dirname, '..', 'docs', 'docker.md'), renderEndpointsPage());
// Of these only the lists are generated.
const cli = join(import.meta.dirname, '..', 'docs', 'cli.md');
writeFileSync(cli, renderCommandsPage(readFileSync(cli, 'utf8')));
const role = join(import.meta.dirname, '..', 'docs', 'vcenter-role.md');
writeFileSync(role, renderPrivilegesPage(readFileSync(role, 'utf8')));

const chartSchema = join(import.meta.dirname, '..', 'deploy', 'helm', 'stowage', 'values.schema.json');
writeFileSync(chartSchema, renderChartSchema(readFileSync(chartSchema, 'utf8')));
