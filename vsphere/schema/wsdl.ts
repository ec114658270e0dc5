import type { FieldSpec, OperationName } from './table.ts';
import { ENUMS, OPERATIONS, parseSpec, parseSpecs, TYPES, typeOf } from './table.ts';

// The table as XML Schema (to validate recorded requests with any XSD tool) and as the WSDL that node-soap reads.

export const VIM_NAMESPACE = 'urn:vim25';
/** The oldest version that has all that the table has: a vCenter refuses versions newer than itself, and knows older ones. */
const SOAP_ACTION = 'urn:vim25/6.5';
const XSD_WORDS = new Set(['string', 'short', 'int', 'long', 'boolean', 'dateTime', 'anyType']);

function qualified(type: string): string {
  return XSD_WORDS.has(type) ? `xsd:${type}` : `vim25:${type}`;
}

function element(field: FieldSpec): string {
  const occurs = field.isArray ? ' minOccurs="0" maxOccurs="unbounded"' : field.isRequired ? '' : ' minOccurs="0"';
  return `<xsd:element name="${field.name}" type="${qualified(field.type)}"${occurs}/>`;
}

function complexType(name: string, fields: readonly FieldSpec[], base?: string): string {
  const sequence = `<xsd:sequence>${fields.map(element).join('')}</xsd:sequence>`;
  const content =
    base === undefined
      ? sequence
      : `<xsd:complexContent><xsd:extension base="vim25:${base}">${sequence}</xsd:extension></xsd:complexContent>`;
  return `<xsd:complexType name="${name}">${content}</xsd:complexType>`;
}

const SELF: FieldSpec = { name: '_this', type: 'ManagedObjectReference', isArray: false, isRequired: true };

function operationSchema(name: OperationName): string {
  const { params, result } = { result: undefined, ...OPERATIONS[name] };
  const returned = result === undefined ? '' : element(parseSpec('returnval', result));
  return [
    complexType(`${name}RequestType`, [SELF, ...parseSpecs(params)]),
    `<xsd:element name="${name}" type="vim25:${name}RequestType"/>`,
    `<xsd:element name="${name}Response"><xsd:complexType><xsd:sequence>${returned}</xsd:sequence></xsd:complexType></xsd:element>`,
  ].join('\n');
}

const REFERENCE_TYPE = `<xsd:complexType name="ManagedObjectReference"><xsd:simpleContent><xsd:extension base="xsd:string"><xsd:attribute name="type" type="xsd:string"/></xsd:extension></xsd:simpleContent></xsd:complexType>`;

const operationNames = (): readonly OperationName[] => Object.keys(OPERATIONS) as OperationName[];

export function exportXsd(): string {
  const types = Object.keys(TYPES).map((name) =>
    complexType(name, parseSpecs(typeOf(name)?.fields ?? {}), typeOf(name)?.base ?? 'DynamicData'),
  );
  const enums = Object.entries(ENUMS).map(([name, { values }]) => {
    const allowed = values.map((value) => `<xsd:enumeration value="${value}"/>`).join('');
    return `<xsd:simpleType name="${name}"><xsd:restriction base="xsd:string">${allowed}</xsd:restriction></xsd:simpleType>`;
  });
  return [
    `<xsd:schema xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:vim25="${VIM_NAMESPACE}" targetNamespace="${VIM_NAMESPACE}" elementFormDefault="qualified">`,
    REFERENCE_TYPE,
    complexType('DynamicData', []),
    ...types,
    ...enums,
    ...operationNames().map(operationSchema),
    '</xsd:schema>',
  ].join('\n');
}

export function exportWsdl(): string {
  const names = operationNames();
  const message = (name: string) =>
    `<message name="${name}Message"><part name="parameters" element="vim25:${name}"/></message>`;
  const portOperation = (name: string) =>
    `<operation name="${name}"><input message="vim25:${name}Message"/><output message="vim25:${name}ResponseMessage"/></operation>`;
  const bindOperation = (name: string) =>
    `<operation name="${name}"><soap:operation soapAction="${SOAP_ACTION}" style="document"/><input><soap:body use="literal"/></input><output><soap:body use="literal"/></output></operation>`;
  return [
    `<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:vim25="${VIM_NAMESPACE}" targetNamespace="${VIM_NAMESPACE}">`,
    `<types>${exportXsd()}</types>`,
    ...names.flatMap((name) => [message(name), message(`${name}Response`)]),
    `<portType name="VimPortType">${names.map(portOperation).join('')}</portType>`,
    `<binding name="VimBinding" type="vim25:VimPortType"><soap:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/>${names.map(bindOperation).join('')}</binding>`,
    '<service name="VimService"><port name="VimPort" binding="vim25:VimBinding"><soap:address location="http://localhost/sdk"/></port></service>',
    '</definitions>',
  ].join('\n');
}
