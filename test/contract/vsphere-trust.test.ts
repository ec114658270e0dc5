import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeCertificate, type TestCertificate } from '../harness/certificate.ts';
import { failure, openTestBed, soon, type TestBed } from '../harness/data-centre.ts';
import { type SoapProxy, startSoapProxy } from '../harness/soap-proxy.ts';

describe('a vCenter behind TLS', () => {
  let bed: TestBed;
  let own: TestCertificate;
  let other: TestCertificate;
  let secure: SoapProxy;

  beforeAll(async () => {
    [bed, own, other] = await Promise.all([openTestBed('stock'), makeCertificate(), makeCertificate()]);
    secure = await startSoapProxy({ target: bed.vcenter.url, tls: own });
  });
  afterAll(async () => {
    await bed.close();
    await secure.close();
  });

  test('the pinned certificate is believed, however its thumbprint is written', async () => {
    for (const thumbprint of [own.thumbprint, own.thumbprint.replaceAll(':', '').toLowerCase()]) {
      const dc = await bed.connect({ url: secure.url, trust: { thumbprint } });
      expect((await dc.ping(soon())).about).toContain('vCenter');
      await dc.close();
    }
  });

  test('another certificate than the pinned one gets nothing, not even the request', async () => {
    const before = secure.calls.length;
    const dc = await bed.connect({ url: secure.url, trust: { thumbprint: other.thumbprint } });
    const error = await failure(dc.ping(soon()));
    expect(error).toMatchObject({ code: 'vcenter-untrusted' });
    expect(error.message).toContain(own.thumbprint);
    expect(secure.calls).toHaveLength(before);
  });

  test('a CA that signed it is believed, another is not, and the system knows neither', async () => {
    const right = await bed.connect({ url: secure.url, trust: { caPem: own.cert } });
    expect((await right.ping(soon())).about).toContain('vCenter');
    for (const trust of [{ caPem: other.cert }, 'system'] as const) {
      const dc = await bed.connect({ url: secure.url, trust });
      expect(await failure(dc.ping(soon()))).toMatchObject({ code: 'vcenter-untrusted' });
    }
  });

  test('an address that is none, or that has a password in it, is refused', async () => {
    for (const url of ['vcenter', 'ftp://vcenter/sdk', 'https://user:pass@vcenter/sdk']) {
      expect(await failure(bed.connect({ url }))).toMatchObject({ code: 'vcenter-invalid' });
    }
  });
});
