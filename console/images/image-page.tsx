import { useMemo } from 'preact/hooks';
import { useRoute } from 'preact-iso/router';
import type { Page as PageOf } from '../api/client.ts';
import type { Image, Layer } from '../api/image.ts';
import { History } from '../jobs/history.tsx';
import { FormLink, JobButton } from '../jobs/job-button.tsx';
import { about, useQuery } from '../live/query.ts';
import { StateBadge } from '../ui/badge.tsx';
import { formatBytes } from '../ui/bytes.ts';
import { FlagView } from '../ui/flag-view.tsx';
import { Facts, Json, Page, Panel } from '../ui/page.tsx';
import { Empty, Loading, ProblemView } from '../ui/problem-view.tsx';
import { type Column, Table } from '../ui/table.tsx';
import { Time } from '../ui/time.tsx';
import { shortDigest } from './images-page.tsx';

const parent = { href: '/console/images', title: 'Images' };

export function ImagePage() {
  const id = useRoute().params['digest'] ?? '';
  const query = useQuery<Image>(`/v1/images/${encodeURIComponent(id)}`, about(`image:${id}`));
  const image = query.data;
  if (image === undefined) {
    return (
      <Page title="Image" parent={parent}>
        {query.problem === undefined ? <Loading /> : <ProblemView problem={query.problem} onRetry={query.refetch} />}
        <History resource={`image:${id}`} />
      </Page>
    );
  }
  const platform = [image.config['os'], image.config['architecture']].filter((each) => typeof each === 'string');
  return (
    <Page
      title={image.names[0] ?? shortDigest(image.id)}
      parent={parent}
      badge={<StateBadge state={image.state} />}
      actions={
        <>
          <FormLink label="Tag" icon="plus" kind="image.tag" given={{ image: image.id }} />
          <JobButton
            label="Remove"
            icon="trash"
            kind="image.remove"
            payload={{ image: image.id, force: image.names.length > 1 }}
            isDanger
            confirm={{
              title: 'Remove this image?',
              body: (
                <p>With all its names. Layers that another image has stay; containers that use it stand against it.</p>
              ),
            }}
          />
        </>
      }
    >
      <FlagView flag={image.flag} />
      <Facts
        facts={[
          [
            'Id',
            <span key="id" class="mono">
              {image.id}
            </span>,
          ],
          [
            'Names',
            <span key="names" class="mono">
              {image.names.join(' ')}
            </span>,
          ],
          ['Platform', platform.join('/')],
          ['Size', formatBytes(image.sizeBytes)],
          [
            'Manifest',
            <span key="manifest" class="mono">
              {image.manifest.digest}
            </span>,
          ],
          [
            'Home',
            <span key="home" class="mono">
              {image.home}
            </span>,
          ],
          ['Pulled', <Time key="at" at={image.createdAt} />],
        ]}
      />
      <Layers image={image} />
      <Panel title="Configuration" isFlush>
        <Json value={image.config} label="Configuration" />
      </Panel>
      <History resource={`image:${image.id}`} />
    </Page>
  );
}

interface LayerRow {
  readonly diffId: string;
  readonly blobBytes: number;
  readonly layer: Layer | undefined;
  readonly sharers: readonly Image[];
}

/** As many as one request brings; there are rarely more. */
const READ = 200;

/** The disks that it is made of, lowest first, and who else has each. */
function Layers({ image }: { readonly image: Image }) {
  const images = useQuery<PageOf<Image>>(`/v1/images?limit=${READ}`, about('image'));
  const layers = useQuery<PageOf<Layer>>(`/v1/layers?limit=${READ}`, about('layer'));
  const rows = useMemo((): readonly LayerRow[] => {
    const known = new Map(layers.data?.items.map((layer) => [layer.diffId, layer]));
    return image.layers.map(({ diffId, blob }) => ({
      diffId,
      blobBytes: blob.sizeBytes,
      layer: known.get(diffId),
      sharers: (images.data?.items ?? []).filter(
        (other) => other.id !== image.id && other.layers.some((layer) => layer.diffId === diffId),
      ),
    }));
  }, [image, images.data, layers.data]);
  const isCut = images.data?.next !== undefined;
  return (
    <Panel title={`Layers (${rows.length})`} isFlush>
      {rows.length === 0 ? (
        <Empty title="It has none" />
      ) : (
        <Table label="Layers, lowest first" items={rows} columns={LAYER_COLUMNS} keyOf={({ diffId }) => diffId} />
      )}
      {isCut && <p class="muted">Of more than {READ} images only these were looked at for shared layers.</p>}
    </Panel>
  );
}

const LAYER_COLUMNS: readonly Column<LayerRow>[] = [
  {
    title: 'Layer',
    cell: ({ diffId }) => (
      <span class="mono" title={diffId}>
        {shortDigest(diffId)}
      </span>
    ),
  },
  {
    title: 'State',
    isTight: true,
    isPlain: true,
    cell: ({ layer }) => layer !== undefined && <StateBadge state={layer.state} />,
  },
  { title: 'Packed', isNumber: true, isTight: true, cell: ({ blobBytes }) => formatBytes(blobBytes) },
  {
    title: 'Disk',
    isNumber: true,
    isTight: true,
    cell: ({ layer }) => (layer?.disk ? formatBytes(layer.disk.sizeBytes) : ''),
  },
  {
    title: 'Shared with',
    cell: ({ sharers }) =>
      sharers.length === 0 ? (
        <span class="muted">nobody</span>
      ) : (
        sharers.map(({ id, names }, at) => (
          <span key={id}>
            {at > 0 && ', '}
            <a href={`/console/images/${encodeURIComponent(id)}`}>{names[0] ?? shortDigest(id)}</a>
          </span>
        ))
      ),
  },
];
