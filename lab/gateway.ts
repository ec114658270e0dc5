import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { randomBytes } from '../platform/clock.ts';
import { formatListen, type ListenAddress, parseListen } from '../platform/listen.ts';
import type { Lab, LabSettings } from './data-centre.ts';
import { claimPort, claimPortOrOther } from './ports.ts';
import { keepSecret } from './secret-file.ts';

/** Where a gateway listens, and what it, the api and the workers are told. */
export interface GatewayPlan {
  readonly face: ListenAddress;
  readonly settings: Readonly<Record<string, string>>;
}

const PREFERRED_GUEST_LISTEN: ListenAddress = { host: '127.0.0.1', port: 2378 };
const PREFERRED_FACE_LISTEN: ListenAddress = { host: '127.0.0.1', port: 2379 };

/** undefined: no machine has a guest, so nobody would come. */
export async function planGateway(settings: LabSettings, lab: Lab): Promise<GatewayPlan | undefined> {
  const { config, env } = settings;
  if (config.gateway === undefined && lab.hasGuests !== true) return undefined;
  const keyFile = join(config.dataDir, 'gateway-key');
  if (config.gateway === undefined) keepSecret(keyFile, randomBytes);
  const face = env['STOWAGE_GATEWAY_FACE_LISTEN']
    ? await claimPort(config.gatewayFaceListen, 'STOWAGE_GATEWAY_FACE_LISTEN')
    : await claimPortOrOther(PREFERRED_FACE_LISTEN);
  return {
    face,
    settings: {
      ...(config.gateway === undefined ? { STOWAGE_GATEWAY_KEY_FILE: keyFile } : {}),
      STOWAGE_GATEWAY_LISTEN: formatListen(await guestListen(settings)),
      // Of many that are to boot at once, most wait for a processor.
      STOWAGE_GUEST_WAIT: env['STOWAGE_GUEST_WAIT'] || '600',
      STOWAGE_GATEWAY_FACE_LISTEN: formatListen(face),
    },
  };
}

/** Machines keep the address that they were made with: once chosen it stays the same for this data directory. */
async function guestListen({ config, env }: LabSettings): Promise<ListenAddress> {
  if (env['STOWAGE_GATEWAY_LISTEN']) return claimPort(config.gatewayListen, 'STOWAGE_GATEWAY_LISTEN');
  const file = join(config.dataDir, 'gateway-listen');
  const kept = parseListen(textOf(file));
  const listen = await claimPortOrOther(kept ?? PREFERRED_GUEST_LISTEN);
  writeFileSync(file, `${formatListen(listen)}\n`);
  return listen;
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return '';
  }
}
