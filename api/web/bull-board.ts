import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import type {
  AppControllerRoute,
  AppViewRoute,
  BullBoardQueues,
  IServerAdapter,
  UIConfig,
} from '@bull-board/api/dist/types.js';
import type { Queue } from 'bullmq';
import { packageDir } from './serving.ts';

/** What bull-board wants to have served: routes of its API, pages that all are one, and files. */
export interface Board {
  readonly api: readonly AppControllerRoute[];
  readonly entry: AppViewRoute;
  readonly queues: BullBoardQueues;
  readonly uiConfig: UIConfig;
  readonly viewsDir: string;
  readonly staticDir: string;
}

export function createBoard(queues: readonly Queue[], { isWritable }: { readonly isWritable: boolean }): Board {
  const collected = new Collector();
  createBullBoard({
    queues: queues.map(
      (queue) =>
        new BullMQAdapter(queue, {
          readOnlyMode: !isWritable,
          externalJobUrl: ({ id }) => ({ displayText: 'Job', href: `/console/jobs/${jobOf(id)}` }),
        }),
    ),
    serverAdapter: collected,
    options: {
      uiBasePath: packageDir('@bull-board/ui'),
      uiConfig: {
        boardTitle: 'Stowage: queues',
        hideDocsLink: true,
        // Our connections do not have the names by which it would know workers.
        showWorkers: false,
        miscLinks: [{ text: 'Console', url: '/console/' }],
      },
    },
  });
  return collected.board();
}

/** An entry's id is its job's, and which of the job's wake-ups it is. */
function jobOf(entry: unknown): string {
  return encodeURIComponent(String(entry).split('.', 1)[0] ?? '');
}

/** Bull-board tells an adapter, call by call, what to serve. */
class Collector implements IServerAdapter {
  #board: Partial<{ -readonly [Part in keyof Board]: Board[Part] }> = {};

  setQueues(queues: BullBoardQueues): this {
    this.#board.queues = queues;
    return this;
  }

  setViewsPath(path: string): this {
    this.#board.viewsDir = path;
    return this;
  }

  setStaticPath(_route: string, path: string): this {
    this.#board.staticDir = path;
    return this;
  }

  setEntryRoute(route: AppViewRoute): this {
    this.#board.entry = route;
    return this;
  }

  /** Errors are told as everywhere else. */
  setErrorHandler(): this {
    return this;
  }

  setApiRoutes(routes: AppControllerRoute[]): this {
    this.#board.api = routes;
    return this;
  }

  setUIConfig(config: UIConfig): this {
    this.#board.uiConfig = config;
    return this;
  }

  board(): Board {
    const { api, entry, queues, uiConfig, viewsDir, staticDir } = this.#board;
    if (
      api === undefined ||
      entry === undefined ||
      queues === undefined ||
      uiConfig === undefined ||
      viewsDir === undefined ||
      staticDir === undefined
    )
      throw new TypeError('bull-board did not say all that it needs');
    return { api, entry, queues, uiConfig, viewsDir, staticDir };
  }
}
