import { refusal } from './answer.ts';
import { findShown } from './container-find.ts';
import type { Handler, Method, Route } from './parts.ts';
import { refused } from './refused.ts';

// What needs somebody inside of the machine. A container that is not there is not found, all others are refused.

const GUEST = 'needs an agent inside of the machine, which containers do not have yet';

function insideRoute(method: Method, part: string, what: string): Route {
  const text = `${what} is not supported yet: it ${GUEST}`;
  const handler: Handler = async (call, parts) => {
    await findShown(call, parts);
    return refusal(501, text);
  };
  return {
    method,
    path: `/containers/{name}/${part}`,
    role: 'viewer',
    support: { as: 'refused', status: 501, text },
    handler,
  };
}

export const containerInsideRoutes: readonly Route[] = [
  insideRoute('GET', 'logs', 'reading the logs of a container'),
  insideRoute('POST', 'attach', 'attaching to a container'),
  insideRoute('GET', 'attach/ws', 'attaching to a container'),
  insideRoute('POST', 'resize', 'resizing the terminal of a container'),
  insideRoute('POST', 'exec', 'running a command in a container'),
  insideRoute('GET', 'top', 'listing the processes of a container'),
  insideRoute('GET', 'stats', 'measuring what a container uses'),
  insideRoute('GET', 'changes', 'listing what a container has changed'),
  insideRoute('GET', 'export', 'exporting the files of a container'),
  insideRoute('GET', 'archive', 'copying files from a container'),
  insideRoute('HEAD', 'archive', 'copying files to a container'),
  insideRoute('PUT', 'archive', 'copying files to a container'),
  ...refused(
    `POST /exec/{id}/start
     POST /exec/{id}/resize
     GET /exec/{id}/json`,
    { status: 404, text: 'No such exec instance: {id}' },
  ),
];
