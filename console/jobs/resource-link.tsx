import { Fragment } from 'preact';

/** Of a key that is shown in a line. */
const LONGEST = 44;

/** Where a resource key (`volume:demo_vol`) leads. Layers, names and the like have none. */
function hrefOfResource(key: string): string | undefined {
  const colon = key.indexOf(':');
  const name = encodeURIComponent(key.slice(colon + 1));
  switch (key.slice(0, colon)) {
    case 'volume':
      return `/console/volumes/${name}`;
    case 'container':
      return `/console/containers/${name}`;
    case 'host':
    case 'host-job':
      return `/console/hosts/${name}`;
    case 'image':
      return `/console/images/${name}`;
    case 'webhook':
      return `/console/webhooks/${name}`;
    case 'job':
      return `/console/jobs/${name}`;
    default:
      return undefined;
  }
}

export function ResourceLink({ resource }: { readonly resource: string }) {
  const href = hrefOfResource(resource);
  const words = shorten(resource);
  const title = words === resource ? undefined : resource;
  if (href === undefined) {
    return (
      <span class="mono" title={title}>
        {words}
      </span>
    );
  }
  return (
    <a href={href} title={title}>
      {words}
    </a>
  );
}

export function ResourceLinks({ resources }: { readonly resources: readonly string[] }) {
  return (
    <>
      {resources.map((resource, at) => (
        <Fragment key={resource}>
          {at > 0 && ', '}
          <ResourceLink resource={resource} />
        </Fragment>
      ))}
    </>
  );
}

/** Digests and container ids are told apart by their beginnings; of what is long, both ends tell most. */
function shorten(resource: string): string {
  const text = resource.replace(/[0-9a-f]{64}/g, (digits) => digits.slice(0, 12));
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST / 2)}…${text.slice(1 - LONGEST / 2)}`;
}
