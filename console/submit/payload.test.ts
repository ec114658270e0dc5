import { describe, expect, test } from 'vitest';
import { faultsByField, fieldsOf, payloadOf } from './payload.ts';

const fields = fieldsOf({
  type: 'object',
  required: ['name', 'options'],
  properties: {
    driver: { type: 'string', enum: ['vsphere', 'local'] },
    name: { type: 'string', description: 'The name of a volume' },
    id: { type: 'string', description: 'Set by Stowage' },
    options: { type: 'object', default: {}, additionalProperties: { type: 'string' } },
    memoryBytes: { type: 'integer' },
    force: { type: 'boolean' },
    command: { type: 'array', items: { type: 'string' } },
    restart: { type: 'object', properties: { name: { type: 'string' }, most: { type: 'integer' } } },
    ports: { type: 'array', items: { type: 'object' } },
  },
});

describe('the form of a payload', () => {
  test('has a field for each member that people fill in, what is needed first', () => {
    expect(fields.map(({ name, type, isNeeded }) => [name, type, isNeeded])).toEqual([
      ['name', 'text', true],
      ['driver', 'choice', false],
      ['options', 'pairs', false],
      ['memoryBytes', 'number', false],
      ['force', 'flag', false],
      ['command', 'lines', false],
      ['restart.name', 'text', false],
      ['restart.most', 'number', false],
      ['ports', 'json', false],
    ]);
  });

  test('makes a payload of what is written, and leaves out what is empty', () => {
    const texts = {
      name: ' demo ',
      driver: '',
      options: 'Capacity=10GB\n\nnote=a=b',
      memoryBytes: '1024',
      force: 'true',
      command: 'sh\n-c',
      'restart.name': 'on-failure',
      'restart.most': '3',
      ports: '[{"containerPort":80}]',
    };
    expect(payloadOf(fields, texts)).toEqual({
      payload: {
        name: 'demo',
        options: { Capacity: '10GB', note: 'a=b' },
        memoryBytes: 1024,
        force: true,
        command: ['sh', '-c'],
        restart: { name: 'on-failure', most: 3 },
        ports: [{ containerPort: 80 }],
      },
    });
  });

  test('finds the field of what the api names by a pointer', () => {
    const faults = [
      { pointer: '/payload/restart/most', detail: 'is too small' },
      { pointer: '/payload/ports/0/containerPort', detail: 'is missing' },
      { pointer: '/payload', detail: 'of no field' },
    ];
    expect(faultsByField(fields, faults)).toEqual({ 'restart.most': 'is too small', ports: 'is missing' });
  });

  test('names what is missing and what cannot be read, all at once', () => {
    expect(payloadOf(fields, { options: 'Capacity', memoryBytes: 'much' })).toEqual({
      faults: { name: 'is needed', options: '"Capacity" is not name=value', memoryBytes: 'is not a number' },
    });
  });
});
