import { isErrorCode, StowageError } from '../core/errors.ts';
import type { Moref } from '../core/ids.ts';
import { orAborted } from './abort.ts';
import type { VimCaller } from './caller.ts';
import type { ManagedType } from './schema/table.ts';
import { enumOf, parseSpec, PROPERTIES } from './schema/table.ts';
import type { Properties, PropertyPath, Vim } from './schema/vim.ts';
import type { Login } from './session.ts';

export type Found<T extends ManagedType, P extends PropertyPath<T>> = Properties<T, P> & { readonly ref: Moref };

export interface Wanted<T extends ManagedType, P extends PropertyPath<T>> {
  readonly type: T;
  readonly paths: readonly P[];
}

const PAGE_OBJECTS = 100;

function isOfType(type: string, value: unknown): boolean {
  switch (type) {
    case 'anyType':
      return true;
    case 'short':
    case 'int':
    case 'long':
      return typeof value === 'number';
    case 'boolean':
      return typeof value === 'boolean';
    case 'string':
    case 'dateTime':
    case 'ManagedObjectReference':
      return typeof value === 'string';
    default:
      return enumOf(type) === undefined ? typeof value === 'object' && value !== null : typeof value === 'string';
  }
}

/** Property values come typed by `xsi:type` alone: what is not what the schema says is refused here. */
export function parseProperty(type: ManagedType, path: string, value: unknown): unknown {
  const spec = (PROPERTIES[type] as Readonly<Record<string, string>>)[path];
  if (spec === undefined) return undefined;
  const field = parseSpec(path, spec);
  const isRight = field.isArray
    ? Array.isArray(value) && value.every((item) => isOfType(field.type, item))
    : isOfType(field.type, value);
  if (!isRight) throw new StowageError('vcenter-garbled', `${type}.${path} is not of type ${spec}`);
  return value;
}

function parseObject<T extends ManagedType, P extends PropertyPath<T>>(
  type: T,
  object: Vim<'ObjectContent'>,
): Found<T, P> {
  const found: Record<string, unknown> = { ref: object.obj };
  for (const { name, val } of object.propSet ?? []) found[name] = parseProperty(type, name, val);
  return found as Found<T, P>;
}

type FilterSpec = Vim<'PropertyFilterSpec'>;

async function* pages(
  caller: VimCaller,
  spec: FilterSpec,
  options: { readonly signal: AbortSignal | undefined; readonly login?: Login; readonly maxObjects: number },
): AsyncGenerator<readonly Vim<'ObjectContent'>[]> {
  const { maxObjects, ...call } = options;
  let page = await caller.read(
    'RetrievePropertiesEx',
    'propertyCollector',
    { specSet: [spec], options: { maxObjects } },
    call,
  );
  for (;;) {
    yield page?.objects ?? [];
    const token = page?.token;
    if (token === undefined || token === '') return;
    page = await caller.read('ContinueRetrievePropertiesEx', 'propertyCollector', { token }, call);
  }
}

/** @throws StowageError `vcenter-not-found` when one of the objects is gone */
export async function readObjects<T extends ManagedType, P extends PropertyPath<T>>(
  caller: VimCaller,
  wanted: Wanted<T, P> & { readonly refs: readonly Moref[] },
  signal: AbortSignal | undefined,
): Promise<readonly Found<T, P>[]> {
  if (wanted.refs.length === 0) return [];
  return caller.withLogin(signal, async (login) => {
    const spec = {
      propSet: [{ type: wanted.type, pathSet: wanted.paths }],
      objectSet: wanted.refs.map((obj) => ({ obj })),
    };
    const found: Found<T, P>[] = [];
    for await (const page of pages(caller, spec, { signal, login, maxObjects: PAGE_OBJECTS })) {
      found.push(...page.map((object) => parseObject<T, P>(wanted.type, object)));
    }
    return found;
  });
}

/** undefined: the object is gone. */
export async function readObject<T extends ManagedType, P extends PropertyPath<T>>(
  caller: VimCaller,
  wanted: Wanted<T, P> & { readonly ref: Moref },
  signal: AbortSignal | undefined,
): Promise<Found<T, P> | undefined> {
  try {
    const [found] = await readObjects(caller, { ...wanted, refs: [wanted.ref] }, signal);
    return found;
  } catch (error) {
    if (isErrorCode(error, 'vcenter-not-found')) return undefined;
    throw error;
  }
}

export type TypedPaths = Readonly<Record<string, readonly string[]>>;

/** A view of each set of types lives as long as its login: it follows the inventory by itself. */
const views = new WeakMap<Login, Map<string, Promise<Moref>>>();

function viewOf(
  caller: VimCaller,
  login: Login,
  { container, type }: { readonly container: Moref; readonly type: readonly string[] },
): Promise<Moref> {
  const known = views.get(login) ?? new Map<string, Promise<Moref>>();
  views.set(login, known);
  const key = [container, ...type].join();
  const kept = known.get(key);
  if (kept !== undefined) return kept;
  // Shared by all callers: not under the signal of the first.
  const made = caller.read('CreateContainerView', 'viewManager', { container, type, recursive: true }, { login });
  known.set(key, made);
  made.catch(() => known.delete(key));
  return made;
}

/** All objects of some types below a container, by default the root folder, page by page. */
export async function readInventory(
  caller: VimCaller,
  wanted: { readonly paths: TypedPaths; readonly pageObjects: number; readonly below?: Moref },
  signal: AbortSignal | undefined,
): Promise<readonly Vim<'ObjectContent'>[]> {
  return caller.withLogin(signal, async (login) => {
    const scope = { container: wanted.below ?? login.content.rootFolder, type: Object.keys(wanted.paths) };
    const view = await orAborted(viewOf(caller, login, scope), signal);
    const propSet = Object.entries(wanted.paths).map(([type, pathSet]) => ({ type, pathSet }));
    const spec = { propSet, objectSet: [viewSelection(view, 'ContainerView')] };
    const found: Vim<'ObjectContent'>[] = [];
    for await (const page of pages(caller, spec, { signal, login, maxObjects: wanted.pageObjects }))
      found.push(...page);
    return found;
  });
}

/** @param pageObjects how many objects an answer may have; more of them where little is read of each */
export async function readAll<T extends ManagedType, P extends PropertyPath<T>>(
  caller: VimCaller,
  wanted: Wanted<T, P> & { readonly pageObjects?: number; readonly below?: Moref },
  signal: AbortSignal | undefined,
): Promise<readonly Found<T, P>[]> {
  const { type, paths, pageObjects = PAGE_OBJECTS, ...scope } = wanted;
  const objects = await readInventory(caller, { paths: { [type]: paths }, pageObjects, ...scope }, signal);
  return objects.map((object) => parseObject<T, P>(type, object));
}

/** Selects what is in a view, and not the view itself. */
export function viewSelection(view: Moref, type: 'ContainerView' | 'ListView'): Vim<'ObjectSpec'> {
  return { obj: view, skip: true, selectSet: [{ xsiType: 'TraversalSpec', type, path: 'view', skip: false }] };
}

/** Objects that a property of another one lists, in one read. */
export async function readListed<T extends ManagedType, P extends PropertyPath<T>>(
  caller: VimCaller,
  wanted: Wanted<T, P> & { readonly from: 'taskManager'; readonly fromType: string; readonly path: string },
  signal: AbortSignal | undefined,
): Promise<readonly Found<T, P>[]> {
  return caller.withLogin(signal, async (login) => {
    const obj = login.content[wanted.from];
    if (obj === undefined) throw new StowageError('vcenter-unsupported', `the server has no ${wanted.from}`);
    const select = { xsiType: 'TraversalSpec', type: wanted.fromType, path: wanted.path, skip: false } as const;
    const spec = {
      propSet: [{ type: wanted.type, pathSet: wanted.paths }],
      objectSet: [{ obj, skip: true, selectSet: [select] }],
    };
    const found: Found<T, P>[] = [];
    for await (const page of pages(caller, spec, { signal, login, maxObjects: PAGE_OBJECTS })) {
      found.push(...page.map((object) => parseObject<T, P>(wanted.type, object)));
    }
    return found;
  });
}
