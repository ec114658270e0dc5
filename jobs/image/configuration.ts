import { z } from 'zod';
import type { ImageRecord } from '../../core/image.ts';

// The image configuration (OCI image-spec, config.md). It comes from a registry: whatever is not of its form is left out.

const historyRow = z.object({
  created: z.string().optional().catch(undefined),
  created_by: z.string().optional().catch(undefined),
  comment: z.string().optional().catch(undefined),
  empty_layer: z.boolean().optional().catch(undefined),
});
const schema = z.object({
  created: z.string().optional().catch(undefined),
  author: z.string().default('').catch(''),
  architecture: z.string().default('').catch(''),
  variant: z.string().optional().catch(undefined),
  os: z.string().default('linux').catch('linux'),
  docker_version: z.string().default('').catch(''),
  comment: z.string().default('').catch(''),
  history: z.array(historyRow).default([]).catch([]),
  config: z
    .looseObject({ Labels: z.record(z.string(), z.string()).nullish().catch(undefined) })
    .default({})
    .catch({}),
});

export type ImageConfiguration = z.infer<typeof schema>;
export type HistoryRow = z.infer<typeof historyRow>;

export function configurationOf(record: ImageRecord): ImageConfiguration {
  return schema.parse(record.config);
}

export function labelsOf(record: ImageRecord): Readonly<Record<string, string>> {
  return configurationOf(record).config.Labels ?? {};
}
