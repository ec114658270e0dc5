import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CertificateAuthority, createAuthority } from '../../test/harness/certificate-authority.ts';
import { type InsideRig, startInsideRig } from '../../test/harness/docker-inside.ts';
import type { DockerRig } from './rig.ts';

let bed: InsideRig;
let rig: DockerRig;
let authority: CertificateAuthority;
let stranger: CertificateAuthority;

beforeAll(async () => {
  [authority, stranger] = await Promise.all([createAuthority(), createAuthority()]);
  bed = await startInsideRig({
    tls: { ...(await authority.issue('stowage', true)), ca: authority.cert },
    roles: [
      { subject: 'alice', role: 'admin' },
      { subject: 'ci-*', role: 'viewer' },
    ],
  });
  ({ rig } = bed);
}, 60_000);

afterAll(async () => {
  await bed?.close();
  await Promise.all([authority?.close(), stranger?.close()]);
});

describe('by TLS', { timeout: 120_000 }, () => {
  const run = async (folder: string, args: readonly string[]) =>
    await rig.docker(args, { DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: folder });

  test('a client is who its certificate says, and may do what the roles say', async () => {
    const alice = await authority.writeClientFolder('alice');
    expect(await run(alice, ['volume', 'ls', '-q'])).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(rig.log()).toContain('"actor":"docker:alice"');
    const ci = await authority.writeClientFolder('ci-1');
    expect((await run(ci, ['volume', 'ls'])).code).toBe(0);
    const refused = await run(ci, ['volume', 'create', 'demo']);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('this needs the role operator; docker:ci-1 is a viewer');
    const mallory = await run(await authority.writeClientFolder('mallory'), ['volume', 'ls']);
    expect(mallory.code).toBe(1);
    expect(mallory.stderr).toContain(`the certificate's subject "mallory" may do nothing here`);
  });

  test('a hijacked connection goes on after the client ended its side', async () => {
    const alice = await authority.writeClientFolder('alice');
    await bed.runs('busy');
    const ran = await run(alice, ['exec', 'busy', 'sh', '-c', 'sleep 0.3; echo out; echo err >&2; exit 4']);
    expect(ran).toEqual({ code: 4, stdout: 'out\n', stderr: 'err\n' });
    const record = await bed.create('brief');
    const attached = run(alice, ['start', '-a', 'brief']);
    await bed.playStart(record, ['sh', '-c', 'sleep 0.3; echo out; exit 5']);
    expect(await attached).toEqual({ code: 5, stdout: 'out\n', stderr: '' });
    const ci = await run(await authority.writeClientFolder('ci-1'), ['exec', 'busy', 'true']);
    expect(ci.stderr).toContain('this needs the role operator; docker:ci-1 is a viewer');
  });

  test('a certificate of another authority is refused, and so is none; a client refuses a server it does not know', async () => {
    const foreign = await run(await stranger.writeClientFolder('alice', authority.cert), ['volume', 'ls']);
    expect(foreign.code).toBe(1);
    const none = await rig.docker(['--tls', 'volume', 'ls']);
    expect(none.code).toBe(1);
    const distrusting = await run(await authority.writeClientFolder('alice', stranger.cert), ['volume', 'ls']);
    expect(distrusting.code).toBe(1);
    expect(distrusting.stderr).toContain('certificate signed by unknown authority');
  });

  test('a client that speaks plain HTTP is told', async () => {
    const plain = await rig.docker(['volume', 'ls']);
    expect(plain.code).toBe(1);
    expect(plain.stderr).toContain('Client sent an HTTP request to an HTTPS server.');
  });

  test('a connection that is cut in the handshake harms nobody', async () => {
    const [host = '', port] = rig.address.split(':');
    for (const bytes of ['', '\u0016\u0003\u0001', 'garbage\r\n\r\n']) {
      const socket = connect(Number(port), host);
      await once(socket, 'connect');
      if (bytes !== '') await new Promise((resolve) => socket.write(bytes, resolve));
      socket.destroy();
    }
    expect((await run(await authority.writeClientFolder('alice'), ['volume', 'ls'])).code).toBe(0);
  });
});
