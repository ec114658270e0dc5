import { join } from 'node:path';
import { randomBytes } from '../platform/clock.ts';
import { formatListen, type ListenAddress } from '../platform/listen.ts';
import type { Child } from './child.ts';
import type { LabSettings } from './data-centre.ts';
import { claimPort } from './ports.ts';
import { baseUrl } from './ready.ts';
import { keepSecret } from './secret-file.ts';
import { listenVariable, serviceEnv, startService } from './services.ts';

/** Where the gateway of `npm start` will be, and what all processes have to know of it. */
export interface GatewayPlan {
  /** Its face. */
  readonly face: ListenAddress;
  readonly settings: Readonly<Record<string, string>>;
}

/** Settles ports, and the key: as it was given, or one that is generated and kept in the data directory. */
export async function planGateway({ config, env }: LabSettings): Promise<GatewayPlan> {
  const guests = await claimPort(config.gatewayListen, 'STOWAGE_GATEWAY_LISTEN');
  const face = await claimPort(config.gatewayFaceListen, 'STOWAGE_GATEWAY_FACE_LISTEN');
  const keyFile = join(config.dataDir, 'gateway-key');
  if (config.gateway === undefined) keepSecret(keyFile, randomBytes);
  return {
    face,
    settings: {
      ...(config.gateway === undefined ? { STOWAGE_GATEWAY_KEY_FILE: keyFile } : {}),
      ...listenVariable('STOWAGE_GATEWAY_LISTEN', guests),
      ...listenVariable('STOWAGE_GATEWAY_FACE_LISTEN', face),
      STOWAGE_GATEWAY_URI: env['STOWAGE_GATEWAY_URI'] || `tcp://${formatListen(guests)}`,
      STOWAGE_GATEWAY_FACE_URL: env['STOWAGE_GATEWAY_FACE_URL'] || baseUrl(face),
    },
  };
}

/** @param settings of Redis, of the data directory and of the plan, in place of what the environment has */
export function startGateway(
  { env, root, logger, closing }: LabSettings,
  plan: GatewayPlan,
  { dir, settings }: { readonly dir: string; readonly settings: Readonly<Record<string, string>> },
): Promise<Child> {
  return startService({
    name: 'gateway',
    program: 'gateway/main.ts',
    root,
    dir,
    listen: plan.face,
    env: serviceEnv(env, { ...settings, ...plan.settings }),
    logger,
    signal: closing.signal,
  });
}
