import type { ContainerMount, ContainerRecord, PortBinding } from '../../core/container.ts';
import { parseContainerId, parseContainerName, parseVolumeName } from '../../core/ids.ts';
import { digestOf } from '../../jobs/image/fixtures.ts';
import { noted } from '../../jobs/noted.ts';

// Records of containers for tests.

type Overrides = Omit<Partial<ContainerRecord>, 'spec'> & { readonly spec?: Partial<ContainerRecord['spec']> };

export function containerRecord(called: string, { spec, ...more }: Overrides = {}): ContainerRecord {
  return {
    type: 'container',
    name: noted(parseContainerId(Buffer.from(called).toString('hex').padEnd(64, '0'))),
    called: noted(parseContainerName(called)),
    state: 'running',
    spec: {
      image: digestOf('config base'),
      imageName: 'busybox',
      entrypoint: [],
      command: ['sh'],
      env: [],
      workingDir: '/',
      user: '',
      hostname: called,
      domainname: '',
      labels: {},
      tty: false,
      openStdin: false,
      stopSignal: 'SIGTERM',
      stopTimeoutSeconds: 10,
      network: 'bridge',
      ports: [],
      mounts: [],
      autoRemove: false,
      ...spec,
    },
    settings: { memoryBytes: 0, nanoCpus: 0, restart: { name: 'no', maxRetries: 0 } },
    run: { wanted: 'running', startedAt: '2026-11-24T09:00:00.000Z', restarts: 0 },
    createdAt: '2026-11-24T09:00:00.000Z',
    updatedAt: '2026-11-24T09:00:00.000Z',
    ...more,
  };
}

export function mountOf(volume: string, destination: string, more: Partial<ContainerMount> = {}): ContainerMount {
  return {
    volume: noted(parseVolumeName(volume)),
    destination,
    access: 'read-write',
    anonymous: false,
    noCopy: false,
    backing: 'block',
    ...more,
  };
}

export function portOf(containerPort: number, hostPort = 0, more: Partial<PortBinding> = {}): PortBinding {
  return { containerPort, protocol: 'tcp', hostIp: '', hostPort, ...more };
}
