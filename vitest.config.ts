import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** The crash tests take longest and mostly wait: what comes first has company to the end. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isCrash = ({ moduleId }: TestSpecification): boolean => moduleId.includes('/test/crash/');
    const sorted = await super.sort(files);
    return [...sorted.filter(isCrash), ...sorted.filter((file) => !isCrash(file))];
  }
}

export default defineConfig({
  test: {
    include: [
      '{api,bench,cli,console,core,gateway,jobs,lab,platform,registry,scripts,store,test,vsphere,workers}/**/*.test.ts',
    ],
    // These end what hangs; they promise nothing. On a machine that is busy with other things all takes a multiple of its time.
    testTimeout: 120_000,
    hookTimeout: 240_000,
    expect: { poll: { timeout: 30_000 } },
    // Tests start servers and processes of their own: two files at once are what a machine with two cores bears.
    maxWorkers: 2,
    pool: 'forks',
    restoreMocks: true,
    sequence: { sequencer: LongestFirst },
  },
});
