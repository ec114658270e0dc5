import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import type { JobId } from '../../core/ids.ts';
import { PRESET_KEY, type Rig, startRig } from './rig.ts';

let rig: Rig;
let address: string;
beforeAll(async () => {
  rig = await startRig();
  address = await rig.app.listen({ host: '127.0.0.1', port: 0 });
});
afterAll(async () => {
  await rig.close();
});

interface Message {
  readonly id: string | undefined;
  readonly event: string | undefined;
  readonly data: { readonly subject: string; readonly id: string };
}

interface Stream {
  readonly headers: Headers;
  /** The next event; undefined when the stream has ended. */
  next(): Promise<Message | undefined>;
  leave(): void;
}

async function openStream(query = '', headers: Record<string, string> = {}): Promise<Stream> {
  const leaving = new AbortController();
  const response = await fetch(`${address}/v1/events${query}`, {
    headers: { authorization: `Bearer ${PRESET_KEY}`, accept: 'text/event-stream', ...headers },
    signal: leaving.signal,
  });
  const chunks = (response.body ?? new ReadableStream()).pipeThrough(new TextDecoderStream())[Symbol.asyncIterator]();
  let text = '';
  const next = async (): Promise<Message | undefined> => {
    for (;;) {
      const end = text.indexOf('\n\n');
      if (end < 0) {
        const { done, value } = await chunks.next();
        if (done === true) return undefined;
        text += value;
        continue;
      }
      const fields = new Map(
        text
          .slice(0, end)
          .split('\n')
          .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
      );
      text = text.slice(end + 2);
      const data = fields.get('data');
      if (data !== undefined) return { id: fields.get('id'), event: fields.get('event'), data: JSON.parse(data) };
    }
  };
  return { headers: response.headers, next, leave: () => leaving.abort() };
}

async function ended(name: string): Promise<JobId> {
  const id = await rig.submit(name);
  await rig.end(id, { state: 'succeeded', result: {} });
  return id;
}

async function typesOf(stream: Stream, count: number): Promise<(string | undefined)[]> {
  const types: (string | undefined)[] = [];
  for (let at = 0; at < count; at += 1) types.push((await stream.next())?.event);
  return types;
}

test('a stream from the start tells all of a job, in order', async () => {
  const id = await ended('told');
  const stream = await openStream(`?after=0&subject=job:${id}`);
  expect(stream.headers.get('content-type')).toBe('text/event-stream');
  expect(await typesOf(stream, 3)).toEqual(['job.submitted', 'job.started', 'job.succeeded']);
  stream.leave();
});

test('a stream resumes after the last event that was seen, without a gap or a repetition', async () => {
  const id = await ended('resumed');
  const first = await openStream(`?after=0&subject=job:${id}`);
  const seen = await first.next();
  first.leave();
  expect(seen?.id).toBe(seen?.data.id);
  const second = await openStream(`?subject=job:${id}`, { 'last-event-id': seen?.id ?? '' });
  expect(await typesOf(second, 2)).toEqual(['job.started', 'job.succeeded']);
  second.leave();
});

test('a stream without a place tells what is to come, of the types that were asked for', async () => {
  const stream = await openStream('?type=job.succeeded&type=job.dead');
  const id = await ended('to-come');
  expect(await stream.next()).toMatchObject({ event: 'job.succeeded', data: { subject: `job:${id}` } });
  stream.leave();
});

test('a page of events is JSON, newest first', async () => {
  const id = await ended('paged');
  const page = await rig.call({ url: `/v1/events?subject=job:${id}&limit=2` });
  expect(page.body['items']).toMatchObject([{ type: 'job.succeeded' }, { type: 'job.started' }]);
  const cursor = z.string().parse(page.body['next']);
  const rest = await rig.call({ url: `/v1/events?subject=job:${id}&limit=2&cursor=${cursor}` });
  expect(rest.body).toMatchObject({ items: [{ type: 'job.submitted' }] });
  const one = await rig.call({ url: `/v1/events?subject=job:${id}&type=job.started` });
  expect(one.body['items']).toMatchObject([{ type: 'job.started' }]);
});

test.each([
  ['?after=yesterday', {}, 'after'],
  ['?type=job.lost', {}, 'type'],
  ['', { 'last-event-id': 'x' }, 'last-event-id'],
])('a stream of "%s" with %j is refused', async (query, headers, parameter) => {
  const answer = await rig.call({ url: `/v1/events${query}`, headers: { accept: 'text/event-stream', ...headers } });
  expect(answer).toMatchObject({ status: 400, body: { errors: [{ parameter }] } });
});

test('event types are described', async () => {
  const { body } = await rig.call({ url: '/v1/event-types' });
  expect(body['items']).toContainEqual({
    type: 'job.submitted',
    description: 'A job was accepted.',
    schema: expect.objectContaining({ title: 'job.submitted', required: ['kind', 'actor'] }),
  });
});

test('a server that stops ends streams and waits, and a waiting caller gets its job', async () => {
  const other = await startRig();
  const there = await other.app.listen({ host: '127.0.0.1', port: 0 });
  const headers = { authorization: `Bearer ${PRESET_KEY}` };
  const stream = await fetch(`${there}/v1/events`, { headers: { ...headers, accept: 'text/event-stream' } });
  const posted = fetch(`${there}/v1/jobs?wait=60`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify({ kind: 'parcel.send', payload: { name: 'stopped' } }),
  });
  const events = await openStreamOf(stream);
  expect(events).toContain('job.submitted');
  await other.app.close();
  const answer = await posted;
  expect(answer.status).toBe(202);
  expect(await answer.json()).toMatchObject({ state: 'waiting' });
  await other.close();
});

/** Reads a stream until a submission is in it; the job is in Redis then, and its caller waits. */
async function openStreamOf(response: Response): Promise<string> {
  let text = '';
  for await (const chunk of (response.body ?? new ReadableStream()).pipeThrough(new TextDecoderStream())) {
    text += chunk;
    if (text.includes('job.submitted')) break;
  }
  return text;
}
