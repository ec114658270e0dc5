import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['{api,bench,core,jobs,lab,platform,registry,scripts,store,test,vsphere,workers}/**/*.test.ts'],
    // These end what hangs; they promise nothing. On a machine that is busy with other things all takes a multiple of its time.
    testTimeout: 120_000,
    hookTimeout: 240_000,
    expect: { poll: { timeout: 30_000 } },
    // Tests start servers and processes of their own: two files at once are what a machine with two cores bears.
    maxWorkers: 2,
    pool: 'forks',
    restoreMocks: true,
  },
});
