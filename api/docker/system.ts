import { z } from 'zod';
import { StowageError } from '../../core/errors.ts';
import { type Answer, json } from './answer.ts';
import { textMember } from './body.ts';
import { renderInfo } from './info.ts';
import { allRecords } from './listing.ts';
import type { Call, DockerParts, Route } from './parts.ts';
import { API_VERSION, MIN_API_VERSION } from './version.ts';

const PING_HEADERS = {
  'Builder-Version': '1',
  Swarm: 'inactive',
  'Cache-Control': 'no-cache, no-store, must-revalidate',
  Pragma: 'no-cache',
};

function version(_call: Call, parts: DockerParts): Answer {
  const details = {
    ApiVersion: API_VERSION,
    MinAPIVersion: MIN_API_VERSION,
    Os: 'linux',
    Arch: 'amd64',
    KernelVersion: 'vSphere',
  };
  return json({
    Platform: { Name: 'Stowage' },
    Components: [{ Name: 'Stowage', Version: parts.version, Details: details }],
    Version: parts.version,
    GitCommit: '',
    GoVersion: '',
    BuildTime: '',
    ...details,
  });
}

async function info(_call: Call, { records, version }: DockerParts): Promise<Answer> {
  const [hosts, stores, images, containers] = await Promise.all([
    allRecords(records, 'host'),
    allRecords(records, 'store'),
    allRecords(records, 'image'),
    allRecords(records, 'container'),
  ]);
  return json(renderInfo({ hosts, stores, images, containers, version }));
}

const loginBody = z.object({
  username: textMember,
  password: textMember,
  identitytoken: textMember,
  serveraddress: textMember,
});

/** Docker Hub's address as the CLI sends it, with scheme and path; others come bare. */
function registryOf(address: string): string {
  const host = address.replace(/^https?:\/\//, '').replace(/\/.*$/, '');
  return host === '' || host === 'index.docker.io' ? 'docker.io' : host;
}

async function login(call: Call, { registry }: DockerParts): Promise<Answer> {
  const body = loginBody.safeParse((await call.readJson()) ?? {});
  if (!body.success) throw new StowageError('body-malformed', 'invalid JSON: the body is not an AuthConfig');
  const { username, password, identitytoken, serveraddress } = body.data;
  const credentials =
    identitytoken === ''
      ? ({ type: 'password', username, password } as const)
      : ({ type: 'identity-token', token: identitytoken } as const);
  try {
    const { identityToken } = await registry.login(registryOf(serveraddress), credentials, call.signal);
    return json({ Status: 'Login Succeeded', IdentityToken: identityToken });
  } catch (error) {
    if (!(error instanceof StowageError) || error.code !== 'registry-denied') throw error;
    throw new StowageError('credentials-wrong', error.message, { cause: error });
  }
}

const supported = { as: 'supported' } as const;

export const systemRoutes: readonly Route[] = [
  {
    method: 'HEAD',
    path: '/_ping',
    role: 'viewer',
    support: supported,
    handler: () => ({ type: 'empty', status: 200, headers: PING_HEADERS }),
  },
  {
    method: 'GET',
    path: '/_ping',
    role: 'viewer',
    support: supported,
    handler: () => ({ type: 'text', status: 200, text: 'OK', headers: PING_HEADERS }),
  },
  { method: 'GET', path: '/version', role: 'viewer', support: supported, handler: version },
  {
    method: 'GET',
    path: '/info',
    role: 'viewer',
    support: { as: 'partial', missing: 'what a Linux host has (cgroups, runtimes, security options)' },
    handler: info,
  },
  { method: 'POST', path: '/auth', role: 'viewer', support: supported, handler: login },
];
