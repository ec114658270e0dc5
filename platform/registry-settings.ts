import {
  parseImageStore,
  parseMirrors,
  parseNames,
  parsePlatform,
  parseRoles,
  parseByteSize,
} from './registry-values.ts';
import { parsedBy, type Setting, whole } from './setting.ts';
import { z } from 'zod';

/** Settings of the Docker face, of images and of the registries that they come from. */
export const REGISTRY_SETTINGS = {
  STOWAGE_DOCKER_CERT_FILE: {
    schema: z.string(),
    type: 'path',
    isCertificate: true,
    example: '/etc/stowage/docker/cert.pem',
    description:
      'PEM certificate (chain) of the Docker Engine API: it is then served by TLS only, as `docker --tlsverify` expects.',
  },
  STOWAGE_DOCKER_KEY_FILE: {
    schema: z.string(),
    type: 'path',
    example: '/etc/stowage/docker/key.pem',
    description: 'Its private key. Needed with `STOWAGE_DOCKER_CERT_FILE`.',
  },
  STOWAGE_DOCKER_CA_FILE: {
    schema: z.string(),
    type: 'path',
    isCertificate: true,
    example: '/etc/stowage/docker/ca.pem',
    description:
      'PEM certificates of the authorities of client certificates. Needed with `STOWAGE_DOCKER_CERT_FILE`: whoever shows no certificate of theirs is refused.',
  },
  STOWAGE_DOCKER_ROLES: {
    schema: parsedBy(parseRoles),
    type: 'list',
    example: 'alice=admin; ci-*=operator; *=viewer',
    defaultText: '`*=operator`',
    description:
      "What a Docker client may do, by its certificate's subject CN; the first that fits counts, `*` stands for any text, and one that none fits is refused. Clients on a plain loopback address are admins.",
    fallback: '*=operator',
  },
  STOWAGE_IMAGE_STORE: {
    schema: parsedBy(parseImageStore),
    type: '`[datastore] folder`',
    example: '[datastore1] stowage',
    defaultText: 'the place of the volume store `default`, when that is a datastore',
    description: 'Where image layers lie: a VMFS or NFS datastore that all hosts see.',
  },
  STOWAGE_PLATFORM: {
    schema: parsedBy(parsePlatform),
    type: '`os/architecture[/variant]`',
    example: 'linux/amd64',
    fallback: 'linux/amd64',
    description: 'Which image of an index is pulled when the caller does not say.',
  },
  STOWAGE_REGISTRY_MIRRORS: {
    schema: parsedBy(parseMirrors),
    type: 'list',
    example: 'docker.io=https://mirror.example.com, http://10.0.0.5:5000; ghcr.io=https://mirror.example.com/ghcr',
    fallback: '',
    defaultText: 'none',
    description:
      'Where to look first, by registry; the registry itself comes last. A mirror that lacks the image or does not answer is passed over.',
  },
  STOWAGE_REGISTRY_INSECURE: {
    schema: parsedBy(parseNames),
    type: 'list',
    example: 'registry.lab:5000, *.test',
    fallback: '',
    defaultText: 'none',
    description:
      'Registries to be used without a trusted certificate, or by plain HTTP. Those on 127.0.0.0/8 and localhost always are.',
  },
  STOWAGE_REGISTRY_ALLOWED: {
    schema: parsedBy(parseNames),
    type: 'list',
    example: 'docker.io, *.example.com',
    fallback: '',
    defaultText: 'all',
    description: 'The only registries to pull from, when it is set.',
  },
  STOWAGE_REGISTRY_CERTS_DIR: {
    schema: z.string(),
    type: 'path',
    example: '/etc/docker/certs.d',
    description: "CAs by registry as Docker keeps them: `<host[:port]>/*.crt` beside the system's.",
  },
  STOWAGE_REGISTRY_AUTH_FILE: {
    schema: z.string(),
    type: 'path',
    example: '/run/secrets/registry-auth.json',
    description: 'Credentials for pulls that bring none: a file like `~/.docker/config.json` with `auths`.',
  },
  STOWAGE_PULLS: {
    schema: whole(1, 64),
    type: 'number',
    example: '3',
    fallback: '3',
    description: 'Layers that one worker process fetches and unpacks at once.',
  },
  STOWAGE_PULLS_PER_REGISTRY: {
    schema: whole(1, 64),
    type: 'number',
    example: '3',
    fallback: '3',
    description: 'Of these, at most so many from one registry.',
  },
  STOWAGE_MAX_LAYER_SIZE: {
    schema: parsedBy(parseByteSize),
    type: 'size',
    example: '20GB',
    fallback: '20GB',
    description: 'The largest layer, unpacked, that is taken.',
  },
  STOWAGE_SPOOL_DIR: {
    schema: z.string(),
    type: 'path',
    example: '/var/tmp/stowage',
    defaultText: '`spool` in the data directory',
    description:
      'Where a worker keeps layers while it fetches, unpacks and uploads them; room for the blobs and disks of the largest images. Workers of one machine share it.',
  },
  STOWAGE_LAYERDISK: {
    schema: z.string(),
    type: 'path',
    example: '/usr/local/bin/layerdisk',
    defaultText: '`bin/layerdisk` beside the sources; `npm start` builds its own',
    description: 'The program that turns layers into disks (`registry/layerdisk`).',
  },
  STOWAGE_MOVER: {
    schema: z.string(),
    type: 'path',
    example: '/usr/local/bin/mover',
    defaultText: '`bin/mover` beside the sources; `npm start` builds its own',
    description: 'The program that uploads layers to datastores (`vsphere/mover`).',
  },
} as const satisfies Readonly<Record<string, Setting>>;
