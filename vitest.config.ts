import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['{api,bench,core,jobs,lab,platform,registry,scripts,store,test,vsphere,workers}/**/*.test.ts'],
    testTimeout: 20_000,
    hookTimeout: 60_000,
    // Tests start servers and processes of their own: two files at once are what a machine with two cores bears.
    maxWorkers: 2,
    pool: 'forks',
    restoreMocks: true,
  },
});
