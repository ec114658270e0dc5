import { PRIVILEGES, type PrivilegePlace } from './privileges.ts';

// The list in docs/vcenter-role.md; what stands around it is written by hand.

const BEGIN = '<!-- The list of vsphere/privileges.ts, written by `npm run docs` -->';
const END = '<!-- The end of the list -->';

const PLACES: Readonly<Record<PrivilegePlace, string>> = {
  datacenter: 'the datacenter',
  datastore: 'the datastores of volumes, images and containers',
  folder: 'the VM folder of containers, and those of the machines that volumes are attached to',
  cluster: "the cluster's own (root) resource pool",
  pool: 'the resource pool of containers',
  network: 'the network of containers',
  host: 'the hosts of the cluster',
};

/** The page with the list as the code has it. @throws TypeError for a page without the marks */
export function renderPrivilegesPage(page: string): string {
  const begin = page.indexOf(BEGIN);
  const end = page.indexOf(END);
  if (begin < 0 || end < begin)
    throw new TypeError('docs/vcenter-role.md lacks the marks around the list of privileges');
  return `${page.slice(0, begin)}${BEGIN}\n\n${list()}\n${page.slice(end)}`;
}

function list(): string {
  const rows = PRIVILEGES.map(
    ({ id, label, on, uses, calls }) => `| \`${id}\` | ${label} | ${PLACES[on]} | ${uses.join(', ')} | ${calls} |`,
  );
  return ['| privilege | in the vSphere Client | on | needed for | by |', '|---|---|---|---|---|', ...rows, ''].join(
    '\n',
  );
}
