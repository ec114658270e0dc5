import type { Flag } from '../ui/flag-view.tsx';

export interface Blob {
  readonly digest: string;
  readonly sizeBytes: number;
  readonly mediaType: string;
}

/** `GET /v1/images`. */
export interface Image {
  /** The digest of its configuration. */
  readonly id: string;
  readonly state: string;
  readonly names: readonly string[];
  /** Lowest first. */
  readonly layers: readonly { readonly diffId: string; readonly blob: Blob }[];
  readonly config: Readonly<Record<string, unknown>>;
  readonly manifest: Blob;
  readonly sizeBytes: number;
  readonly home: string;
  readonly flag?: Flag;
  readonly createdAt: string;
  readonly updatedAt: string;
}

/** `GET /v1/layers`: one disk each, shared by the images that have it. */
export interface Layer {
  readonly diffId: string;
  readonly state: string;
  readonly blob: Blob;
  readonly disk: { readonly path: string; readonly uuid: string; readonly sizeBytes: number } | null;
  readonly sizeBytes: number;
  readonly flag?: Flag;
}
