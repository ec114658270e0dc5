import type { Page as PageOf } from '../api/client.ts';
import { withQuery } from '../api/client.ts';
import type { Image } from '../api/image.ts';
import { FormLink } from '../jobs/job-button.tsx';
import { about, useQuery } from '../live/query.ts';
import { StateBadge } from '../ui/badge.tsx';
import { formatBytes } from '../ui/bytes.ts';
import { useFilters } from '../ui/filters.ts';
import { Listing } from '../ui/listing.tsx';
import { Page } from '../ui/page.tsx';
import { Empty } from '../ui/problem-view.tsx';
import type { Column } from '../ui/table.tsx';
import { Time } from '../ui/time.tsx';

export function ImagesPage() {
  const { cursor } = useFilters().values;
  const query = useQuery<PageOf<Image>>(withQuery('/v1/images', { limit: 50, cursor }), about('image', 'layer'));
  return (
    <Page title="Images" actions={<FormLink label="Pull an image" icon="plus" kind="image.pull" />}>
      <Listing
        title="By id"
        query={query}
        columns={COLUMNS}
        keyOf={({ id }) => id}
        empty={
          <Empty title="No images yet">
            <p>
              <code>docker pull busybox</code> fetches one.
            </p>
          </Empty>
        }
      />
    </Page>
  );
}

/** The first digits tell it, as in Docker. */
export function shortDigest(digest: string): string {
  return digest.replace(/^sha256:/, '').slice(0, 12);
}

const COLUMNS: readonly Column<Image>[] = [
  {
    title: 'Names',
    cell: ({ id, names, flag }) => (
      <>
        <a class="row-link" href={`/console/images/${encodeURIComponent(id)}`}>
          {names.length === 0 ? 'no name' : names.join(', ')}
        </a>
        {flag !== undefined && <p class="muted">{flag.reason}</p>}
      </>
    ),
  },
  { title: 'State', isTight: true, isPlain: true, cell: ({ state }) => <StateBadge state={state} /> },
  { title: 'Id', isTight: true, cell: ({ id }) => <span class="mono">{shortDigest(id)}</span> },
  { title: 'Layers', isNumber: true, isTight: true, cell: ({ layers }) => layers.length },
  { title: 'Size', isNumber: true, isTight: true, cell: ({ sizeBytes }) => formatBytes(sizeBytes) },
  { title: 'Pulled', isTight: true, cell: ({ createdAt }) => <Time at={createdAt} /> },
];
