/** A named place for volumes: a folder on a datastore, or on the datastore that a datastore cluster (pod) recommends. */
export interface VolumeStoreSetting {
  readonly name: string;
  readonly target: { readonly type: 'datastore' | 'pod'; readonly name: string };
  /** Without slashes at its ends; may be empty. */
  readonly root: string;
}

const STORE = /^([^=]*)=\s*(pod:)?(?:\[([^\]]*)\]|(?<=pod:)(\S*))\s*(.*)$/;
const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}$/;
/** vSphere refuses these in the names of files and folders, or we would have to escape them in a datastore path. */
const BAD_ROOT = /[\\[\]%:*?"<>|]|(^|\/)\.{1,2}(\/|$)|\/\//;

/**
 * `name=[datastore] folder; other=pod:POD folder; third=pod:[a pod with spaces] folder`. One of the names is `default`.
 *
 * @throws {RangeError} with every fault in one message
 */
export function parseVolumeStores(text: string): readonly VolumeStoreSetting[] {
  const faults: string[] = [];
  const stores: VolumeStoreSetting[] = [];
  for (const part of text.split(';').map((each) => each.trim())) {
    if (part === '') continue;
    const store = storeOf(part);
    if (typeof store === 'string') faults.push(store);
    else faults.push(...clashes(store, stores));
    if (typeof store !== 'string') stores.push(store);
  }
  if (faults.length === 0 && !stores.some((store) => store.name === 'default'))
    faults.push('no store is named "default"');
  if (faults.length > 0) throw new RangeError(faults.join('; '));
  return stores;
}

/** Two stores in one place would each take the other's volumes for its own. */
function clashes(store: VolumeStoreSetting, others: readonly VolumeStoreSetting[]): string[] {
  return others.flatMap((other) => {
    if (other.name === store.name) return [`"${store.name}" is there twice`];
    const isSamePlace =
      other.target.type === store.target.type && other.target.name === store.target.name && other.root === store.root;
    return isSamePlace ? [`"${other.name}" and "${store.name}" are the same place`] : [];
  });
}

function storeOf(part: string): VolumeStoreSetting | string {
  const match = STORE.exec(part);
  if (match === null) return `"${part}" is not name=[datastore] folder or name=pod:POD folder`;
  const name = (match[1] ?? '').trim();
  const type = match[2] === undefined ? 'datastore' : 'pod';
  const target = (match[3] ?? match[4] ?? '').trim();
  const root = (match[5] ?? '').trim().replaceAll(/^\/+|\/+$/g, '');
  if (!NAME.test(name)) return `"${name}" is not a store's name (letters, digits, "_", ".", "-"; 63 at most)`;
  if (target === '') return `"${name}" names no ${type}`;
  if (BAD_ROOT.test(root)) return `the folder of "${name}" has a character or a part that vSphere does not take`;
  return { name, target: { type, name: target }, root };
}
