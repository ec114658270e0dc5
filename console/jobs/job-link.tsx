/** The end of an id: its beginning is a time, and that of neighbours is alike. */
export function shortId(id: string): string {
  return `…${id.slice(-8)}`;
}

export function JobLink({ id }: { readonly id: string }) {
  return (
    <a class="mono" href={`/console/jobs/${id}`} title={id}>
      {shortId(id)}
    </a>
  );
}

/** Who asked for it: a key, a person, or the job of which it is a part. */
export function Actor({ actor }: { readonly actor: string }) {
  if (!actor.startsWith('job:')) return <>{actor}</>;
  return (
    <>
      job <JobLink id={actor.slice('job:'.length)} />
    </>
  );
}
