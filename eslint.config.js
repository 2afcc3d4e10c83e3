import svelte from 'eslint-plugin-svelte';
import tseslint from 'typescript-eslint';
import config from './svelte.config.js';
import unexecutedQuery from './scripts/lint-unexecuted-query.mjs';

/**
 * Forbids imports whose names match; types may still be imported where `types` says so.
 * @param {{ regex: string, message: string, types?: boolean }[]} patterns
 * @returns {import('eslint').Linter.RulesRecord}
 */
const forbid = (...patterns) => ({
  '@typescript-eslint/no-restricted-imports': [
    'error',
    {
      patterns: [
        {
          regex: '/index\\.(ts|js)$',
          message: 'No barrel files: import from where it is written.',
        },
        { regex: '^\\.\\./.*/(server|db|jobs|src)/', message: 'Use #server, #db, #jobs or #lib.' },
        ...patterns.map(({ types = false, ...pattern }) => ({
          ...pattern,
          allowTypeImports: types,
        })),
      ],
    },
  ],
});

export default tseslint.config(
  { ignores: ['build', '.svelte-kit', 'src/node_modules', 'static', 'db/types.ts'] },
  {
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    plugins: { '@typescript-eslint': tseslint.plugin },
  },
  {
    files: ['**/*.ts'],
    ignores: ['**/*.svelte.ts'],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true } },
    plugins: { syncline: { rules: { 'unexecuted-query': unexecutedQuery } } },
    rules: {
      'syncline/unexecuted-query': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/no-unnecessary-type-assertion': 'error',
      // Interfaces here write functions as methods, and none of them uses `this`.
      '@typescript-eslint/unbound-method': 'off',
      '@typescript-eslint/no-base-to-string': 'off',
      // Async without await is how a function keeps the type that its callers need.
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: false }],
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true, allowNever: true },
      ],
    },
  },
  {
    files: ['**/*.svelte', '**/*.svelte.ts'],
    extends: [tseslint.configs.recommended, svelte.configs.recommended],
    languageOptions: {
      parserOptions: {
        parser: tseslint.parser,
        extraFileExtensions: ['.svelte'],
        svelteConfig: config,
      },
    },
    rules: {
      'svelte/no-navigation-without-resolve': 'off',
      // Plain maps are kept beside signals of their own where a signal for each entry would be dear.
      'svelte/prefer-svelte-reactivity': 'off',
      'svelte/require-each-key': 'error',
      // Properties are destructured with let, because some of them can be bound.
      'prefer-const': 'off',
    },
  },
  {
    files: ['**/*.ts', '**/*.svelte'],
    rules: {
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-console': 'error',
      'max-lines': ['error', { max: 500 }],
      'no-restricted-properties': [
        'error',
        { object: 'process', property: 'env', message: 'Only server/config.ts reads settings.' },
      ],
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/no-unused-vars': [
        'error',
        { args: 'all', argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrors: 'none' },
      ],
    },
  },
  {
    files: ['src/**/*.ts', 'src/**/*.svelte'],
    ignores: [
      'src/lib/shared/**',
      'src/hooks.server.ts',
      'src/**/+*.server.ts',
      'src/**/+server.ts',
    ],
    rules: forbid(
      {
        regex: '^#server/',
        message: 'The browser may know types of the server only.',
        types: true,
      },
      { regex: '^#(db|jobs|tests)/', message: 'Nothing of db or jobs reaches the browser.' },
      { regex: '^(pg|kysely|socket\\.io$|pino|node:)', message: 'This is for the server.' },
    ),
  },
  {
    files: ['src/lib/shared/**'],
    rules: forbid({
      regex: '^(?!(\\./|#lib/shared/|zod/mini$|fractional-indexing$|uuidv7$))',
      message: 'Shared code stands on zod/mini alone.',
    }),
  },
  {
    files: ['server/**'],
    ignores: ['server/main.ts'],
    rules: forbid(
      { regex: '^#(jobs|tests)/', message: 'The server does not know jobs or tests.' },
      { regex: '^#lib/(?!shared/)', message: 'Of src the server may use lib/shared only.' },
    ),
  },
  {
    files: ['jobs/**'],
    rules: forbid({
      regex: '^#(lib/(?!shared/)|tests/)',
      message: 'Of src jobs may use lib/shared only.',
    }),
  },
  {
    files: ['db/**'],
    rules: forbid({ regex: '^#(server|jobs|lib|tests)/', message: 'db stands alone.' }),
  },
  {
    files: ['tests/**', 'vitest.config.ts'],
    rules: {
      ...forbid(),
      // Rows of hand-written SQL have no types, and the expectation is what checks them.
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
    },
  },
  { files: ['server/demo-data.ts'], rules: { 'max-lines': 'off' } },
  {
    files: [
      'server/config.ts',
      'tests/support/**',
      'tests/bench/**',
      'tests/platform/**',
      'tests/sim/soak.ts',
    ],
    rules: { 'no-restricted-properties': 'off' },
  },
  { files: ['tests/support/**', 'tests/bench/**'], rules: { 'no-console': 'off' } },
);
