import { describe, expect, test } from 'vitest';
import { ENUMS, fieldsOf, lineage, OPERATIONS, parseSpec, parseSpecs, PROPERTIES, TYPES, typeOf } from './table.ts';
import { exportWsdl, exportXsd } from './wsdl.ts';

const WORDS = new Set(['string', 'short', 'int', 'long', 'boolean', 'dateTime', 'anyType', 'ManagedObjectReference']);
const isDefined = (type: string): boolean =>
  WORDS.has(type) || Object.hasOwn(ENUMS, type) || Object.hasOwn(TYPES, type);

describe('the schema table', () => {
  test('every type that it names is in it', () => {
    const specs = [
      ...Object.values(TYPES).flatMap((type) => parseSpecs(type.fields)),
      ...Object.values(OPERATIONS).flatMap((operation) => parseSpecs(operation.params)),
      ...Object.values(OPERATIONS).flatMap((one) => ('result' in one ? [parseSpec('returnval', one.result)] : [])),
      ...Object.values(PROPERTIES).flatMap((properties) => parseSpecs(properties)),
    ];
    expect(specs.filter((spec) => !isDefined(spec.type))).toEqual([]);
    expect(
      Object.keys(TYPES)
        .flatMap(lineage)
        .filter((type) => typeOf(type) === undefined),
    ).toEqual([]);
  });

  test('no name is a type and an enumeration, and no field is declared twice in a lineage', () => {
    expect(Object.keys(TYPES).filter((name) => Object.hasOwn(ENUMS, name))).toEqual([]);
    for (const name of Object.keys(TYPES)) {
      const names = fieldsOf(name).map((field) => field.name);
      expect(new Set(names).size, name).toBe(names.length);
    }
  });

  test('every operation that returns a Task and is no search changes something', () => {
    for (const [name, operation] of Object.entries(OPERATIONS)) {
      const isTask = name.endsWith('_Task') && name !== 'SearchDatastore_Task';
      const isPlain = ['MakeDirectory', 'CreateFolder', 'CreateResourcePool', 'UnregisterVM'].includes(name);
      expect('changes' in operation, name).toBe(isTask || isPlain);
    }
  });
});

describe('the exports', () => {
  test('have every type, enumeration and operation', () => {
    const [wsdl, xsd] = [exportWsdl(), exportXsd()];
    for (const name of Object.keys(TYPES)) expect(xsd).toContain(`<xsd:complexType name="${name}">`);
    for (const name of Object.keys(ENUMS)) expect(xsd).toContain(`<xsd:simpleType name="${name}">`);
    for (const name of Object.keys(OPERATIONS)) {
      expect(xsd).toContain(`<xsd:element name="${name}" type="vim25:${name}RequestType"/>`);
      expect(wsdl).toContain(`<operation name="${name}">`);
    }
  });

  test('an heir extends its base', () => {
    expect(exportXsd()).toContain(
      '<xsd:complexType name="VirtualDisk"><xsd:complexContent><xsd:extension base="vim25:VirtualDevice">',
    );
  });
});
