// Exits 0 when the process of this container, api, worker or gateway, says that it is ready.
const addresses = [
  process.env.STOWAGE_REST_LISTEN,
  process.env.STOWAGE_WORKER_LISTEN,
  process.env.STOWAGE_GATEWAY_FACE_LISTEN,
];

async function isReady(address) {
  const port = address?.split(':').at(-1);
  try {
    return (await fetch(`http://127.0.0.1:${port}/readyz`, { signal: AbortSignal.timeout(4000) })).ok;
  } catch {
    return false;
  }
}

const answers = await Promise.all(addresses.map(isReady));
process.exit(answers.includes(true) ? 0 : 1);
