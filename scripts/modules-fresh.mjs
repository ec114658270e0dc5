// Exits 0 when node_modules holds what package-lock.json names. Runs on the Node.js 18 of older systems: plain JavaScript.
import { existsSync, readFileSync } from 'node:fs';

function packagesOf(path) {
  return JSON.parse(readFileSync(path, 'utf8')).packages;
}

function fits(allowed, actual) {
  return allowed === undefined || [allowed].flat().includes(actual);
}

function libcOf() {
  return process.report.getReport().header.glibcVersionRuntime === undefined ? 'musl' : 'glibc';
}

/** Optional packages with native code are for one platform each, and on that one nothing works without them. */
function isWanted(entry) {
  if (!entry.optional) return true;
  if (entry.os === undefined && entry.cpu === undefined) return false;
  if (!fits(entry.os, process.platform) || !fits(entry.cpu, process.arch)) return false;
  return entry.libc === undefined || fits(entry.libc, libcOf());
}

function isFresh() {
  // npm writes it last: after an installation that was cut short it is old or missing.
  const installed = 'node_modules/.package-lock.json';
  if (!existsSync(installed)) return false;
  const wanted = packagesOf('package-lock.json');
  const found = packagesOf(installed);
  const isMissing = Object.entries(wanted).some(
    ([path, entry]) => path !== '' && found[path]?.version !== entry.version && isWanted(entry),
  );
  const isForeign = Object.entries(found).some(([path, entry]) => wanted[path]?.version !== entry.version);
  return !isMissing && !isForeign;
}

process.exitCode = isFresh() ? 0 : 1;
