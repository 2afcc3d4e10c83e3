import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

const shared = { plugins: [svelte({ configFile: false })], resolve: { conditions: ['browser'] } };

export default defineConfig({
  test: {
    // One Postgres for the whole run, with a migrated template that every test copies.
    globalSetup: 'tests/support/postgres.ts',
    maxWorkers: 2,
    projects: [
      {
        ...shared,
        test: { name: 'unit', include: ['tests/unit/**/*.test.ts'] },
      },
      {
        ...shared,
        test: {
          name: 'database',
          include: ['tests/**/*.test.ts'],
          exclude: ['tests/unit/**', 'tests/browser/**'],
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
      {
        ...shared,
        test: {
          name: 'browser',
          include: ['tests/browser/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
