import type { Moref } from '../core/ids.ts';
import type { EventLog, EventQuery, LoggedEvent } from '../core/ports/event-log.ts';
import type { VimCaller } from './caller.ts';
import { asDecodedFault } from './faults.ts';
import type { Params, Result, Vim } from './schema/vim.ts';
import type { Login } from './session.ts';

/** vCenter gives no more of them in one answer, unless it is set up to. */
const PAGE_EVENTS = 500;
const DEFAULT_LIMIT = 10_000;
const CLEAN_UP_MS = 2_000;

type AnyEvent = Result<'ReadNextEvents'> extends readonly (infer E)[] | undefined ? E : never;

function filterOf({ sinceMs, types, about }: EventQuery): Params<'CreateCollectorForEvents'>['filter'] {
  return {
    ...(about === undefined ? {} : { entity: { entity: about, recursion: 'all' } }),
    time: { beginTime: new Date(sinceMs).toISOString() },
    ...(types === undefined ? {} : { eventTypeId: types }),
  };
}

function hostOf(argument: Vim<'HostEventArgument'>): { readonly ref: Moref; readonly name: string } {
  return { ref: argument.host, name: argument.name };
}

function loggedEvent(event: AnyEvent): LoggedEvent {
  const { vm, host, userName: user } = event;
  const type = 'eventTypeId' in event ? event.eventTypeId : (event.xsiType ?? 'Event');
  const reason = 'reason' in event ? asDecodedFault(event.reason?.fault)?.xsiType : undefined;
  return {
    key: event.key,
    at: event.createdTime,
    type,
    message: event.fullFormattedMessage ?? '',
    ...(user === '' ? {} : { user }),
    ...(vm === undefined ? {} : { machine: { ref: vm.vm, name: vm.name } }),
    ...(host === undefined ? {} : { host: hostOf(host) }),
    ...('sourceHost' in event ? { sourceHost: hostOf(event.sourceHost) } : {}),
    ...(reason === undefined ? {} : { reason }),
  };
}

export function createEventLog(caller: VimCaller): EventLog {
  /** A collector lives in its login and counts against a limit of it: it never outlasts the read. */
  async function readWith(login: Login, query: EventQuery, signal: AbortSignal): Promise<readonly LoggedEvent[]> {
    const call = { login, signal };
    const limit = query.limit ?? DEFAULT_LIMIT;
    const collector = await caller.read('CreateCollectorForEvents', 'eventManager', { filter: filterOf(query) }, call);
    // A new one stands at the oldest event.
    const found: LoggedEvent[] = [];
    let lastKey = Number.NEGATIVE_INFINITY;
    try {
      while (found.length < limit) {
        const page = (await caller.read('ReadNextEvents', collector, { maxCount: PAGE_EVENTS }, call)) ?? [];
        const seen = lastKey;
        // Keys only rise: a server that gives a page again has no more.
        const fresh = page.map(loggedEvent).filter((event) => event.key > seen);
        const sorted = fresh.sort((a, b) => a.key - b.key);
        if (sorted.length === 0) break;
        lastKey = sorted.at(-1)?.key ?? lastKey;
        found.push(...sorted.filter((event) => event.key > (query.afterKey ?? Number.NEGATIVE_INFINITY)));
      }
      return found.slice(0, limit);
    } finally {
      await caller.read('DestroyCollector', collector, {}, { login, timeoutMs: CLEAN_UP_MS }).catch(() => undefined);
    }
  }

  return {
    read: (query, signal) => caller.withLogin(signal, (login) => readWith(login, query, signal)),
  };
}
