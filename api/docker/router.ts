import { StowageError } from '../../core/errors.ts';
import type { Route } from './parts.ts';

export interface RouteMatch {
  readonly route: Route;
  readonly names: Readonly<Record<string, string>>;
}

export interface Router {
  /** undefined: there is nothing there, or not for this method, or not yet in this version. @throws `request-invalid` */
  find(method: string, path: string, minor: number): RouteMatch | undefined;
}

interface Compiled {
  readonly route: Route;
  readonly pattern: RegExp;
}

/** The first route of the table that fits is taken. */
export function createRouter(routes: readonly Route[]): Router {
  const compiled: readonly Compiled[] = routes.map((route) => ({ route, pattern: patternOf(route.path) }));
  return {
    find(method, path, minor) {
      for (const { route, pattern } of compiled) {
        if (route.method !== method || (route.since ?? 0) > minor) continue;
        const match = pattern.exec(path);
        if (match !== null) return { route, names: decode(match.groups ?? {}) };
      }
      return undefined;
    },
  };
}

function patternOf(path: string): RegExp {
  const source = path
    .split('/')
    .map((part) => {
      const name = /^\{(\w+)(:\.\*)?\}$/.exec(part);
      if (name === null) return part.replaceAll(/[.+*?()|[\]^$\\]/g, String.raw`\$&`);
      return name[2] === undefined ? `(?<${name[1]}>[^/]+)` : `(?<${name[1]}>.+)`;
    })
    .join('/');
  return new RegExp(`^${source}$`);
}

function decode(groups: Readonly<Record<string, string>>): Record<string, string> {
  try {
    return Object.fromEntries(Object.entries(groups).map(([name, text]) => [name, decodeURIComponent(text)]));
  } catch (cause) {
    throw new StowageError('request-invalid', 'the path holds a % that escapes nothing', { cause });
  }
}
