import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { SaxesParser } from 'saxes';
import type { FieldSpec, OperationName } from '../../vsphere/schema/table.ts';
import { enumOf, fieldsOf, lineage, OPERATIONS, parseSpecs, typeOf } from '../../vsphere/schema/table.ts';
import { exportXsd } from '../../vsphere/schema/wsdl.ts';
import { expect } from 'vitest';
import type { SoapProxy } from './soap-proxy.ts';

// Recorded requests against the schema: by hand, and with xmllint where there is one.

interface Node {
  readonly name: string;
  readonly xsiType: string | undefined;
  readonly children: Node[];
  text: string;
}

const local = (name: string): string => name.slice(name.indexOf(':') + 1);

function parse(xml: string): Node {
  const root: Node = { name: '', xsiType: undefined, children: [], text: '' };
  const stack = [root];
  const parser = new SaxesParser();
  parser.on('opentag', ({ name, attributes }) => {
    const xsiType = attributes['xsi:type'];
    const node: Node = {
      name: local(name),
      xsiType: xsiType === undefined ? undefined : local(xsiType),
      children: [],
      text: '',
    };
    stack.at(-1)?.children.push(node);
    stack.push(node);
  });
  parser.on('text', (text) => {
    const top = stack.at(-1);
    if (top !== undefined) top.text += text;
  });
  parser.on('closetag', () => void stack.pop());
  parser.write(xml).close();
  return root;
}

function checkValue(type: string, node: Node, where: string): readonly string[] {
  if (typeOf(type) !== undefined) {
    const actual = node.xsiType ?? type;
    if (!lineage(actual).includes(type)) return [`${where} is a ${actual}, not a ${type}`];
    return checkFields(fieldsOf(actual), node, where);
  }
  const allowed = enumOf(type)?.values;
  if (allowed !== undefined && !allowed.includes(node.text)) return [`${where} is "${node.text}", no ${type}`];
  if (['int', 'long', 'short'].includes(type) && !/^-?\d+$/.test(node.text))
    return [`${where} is "${node.text}", no number`];
  if (type === 'boolean' && !/^(true|false)$/.test(node.text)) return [`${where} is "${node.text}", no boolean`];
  return [];
}

function checkFields(fields: readonly FieldSpec[], node: Node, where: string): readonly string[] {
  const faults: string[] = [];
  let at = 0;
  for (const child of node.children) {
    const index = fields.findIndex((field) => field.name === child.name);
    const field = fields[index];
    const path = `${where}.${child.name}`;
    if (field === undefined) faults.push(`${path} is unknown`);
    else {
      if (index < at) faults.push(`${path} comes too late`);
      at = Math.max(at, index);
      if (!field.isArray && node.children.filter((one) => one.name === child.name).length > 1)
        faults.push(`${path} comes twice`);
      faults.push(...checkValue(field.type, child, path));
    }
  }
  for (const field of fields) {
    const isThere = node.children.some((child) => child.name === field.name);
    if (field.isRequired && !isThere) faults.push(`${where}.${field.name} is missing`);
  }
  return faults;
}

const SELF: FieldSpec = { name: '_this', type: 'ManagedObjectReference', isArray: false, isRequired: true };

/** What is wrong with a SOAP request; nothing, when it fits. */
function checkRequest(xml: string): readonly string[] {
  const request = parse(xml).children[0]?.children.find((node) => node.name === 'Body')?.children[0];
  if (request === undefined) return ['there is no request'];
  if (!Object.hasOwn(OPERATIONS, request.name)) return [`there is no operation ${request.name}`];
  const { params } = OPERATIONS[request.name as OperationName];
  return checkFields([SELF, ...parseSpecs(params)], request, request.name);
}

const execute = promisify(execFile);

async function hasXmllint(): Promise<boolean> {
  return execute('xmllint', ['--version']).then(
    () => true,
    () => false,
  );
}

const BODY = /<(\w+):Body>(.*)<\/\1:Body>/s;

/** @throws with xmllint's words when one of them does not validate */
async function lintRequests(requests: readonly string[]): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'stowage-xsd-'));
  try {
    const schema = join(directory, 'vim25.xsd');
    await writeFile(schema, exportXsd());
    const files = await Promise.all(
      requests.map(async (xml, n) => {
        // Declared on the envelope, which is cut off.
        const namespaces = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"';
        const file = join(directory, `${n}.xml`);
        await writeFile(file, (BODY.exec(xml)?.[2] ?? '').replace(/^<([\w:]+)/, `<$1 ${namespaces}`));
        return file;
      }),
    );
    await execute('xmllint', ['--noout', '--schema', schema, ...files], { maxBuffer: 16 * 1_048_576 });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Every request that a bed has sent fits the schema, its elements in order. */
export async function expectSoundRequests(
  { proxy }: { readonly proxy: Pick<SoapProxy, 'calls'> },
  annotate: (note: string) => unknown,
): Promise<void> {
  const requests = proxy.calls.filter(({ body }) => body !== '').map(({ body }) => body);
  expect(requests.flatMap(checkRequest)).toEqual([]);
  if (await hasXmllint()) await lintRequests(requests);
  else await annotate('xmllint is not installed: only our own check was made');
}
