import type { Platform } from '../core/image.ts';

// Which of an index's images is for a platform; as containerd's platforms package has it.

export function platformText({ os, architecture, variant }: Platform): string {
  return variant === undefined ? `${os}/${architecture}` : `${os}/${architecture}/${variant}`;
}

const SYNONYMS: Readonly<Record<string, string>> = {
  x86_64: 'amd64',
  'x86-64': 'amd64',
  aarch64: 'arm64',
  armhf: 'arm',
};
const BASE_VARIANTS: Readonly<Record<string, string>> = { amd64: 'v1', arm64: 'v8', arm: 'v7' };

function normalized({ os, architecture, variant }: Platform): Required<Platform> {
  const name = architecture.toLowerCase();
  const known = SYNONYMS[name] ?? name;
  const text = (variant ?? '').toLowerCase();
  const base = BASE_VARIANTS[known] ?? '';
  const full = /^\d/.test(text) ? `v${text}` : text;
  return { os: os.toLowerCase(), architecture: known, variant: full || base };
}

/** How well an offer serves: 0 best, undefined not at all. A lower variant of the same architecture runs too (`v6` on `v7`). */
export function distanceOf(wanted: Platform, offered: Platform): number | undefined {
  const want = normalized(wanted);
  const offer = normalized(offered);
  if (want.os !== offer.os || want.architecture !== offer.architecture) return undefined;
  if (want.variant === offer.variant) return 0;
  const distance = versionOf(want.variant) - versionOf(offer.variant);
  return distance > 0 ? distance : undefined;
}

function versionOf(variant: string): number {
  const match = /^v(\d+)$/.exec(variant);
  return match === null ? Number.NaN : Number(match[1]);
}
