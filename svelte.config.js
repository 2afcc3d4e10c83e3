import adapter from '@sveltejs/adapter-node';

/**
 * SvelteKit's options. Vite's root is `src`, so `vite.config.ts` adds the paths.
 * @type {import('@sveltejs/kit/vite').Config}
 */
const config = {
  adapter: adapter({ out: 'build', precompress: true }),
  // Only who wants to be told by push has one.
  serviceWorker: { register: false },
  csp: {
    mode: 'nonce',
    directives: {
      'default-src': ['self'],
      'script-src': ['self'],
      'worker-src': ['self'],
      'style-src-elem': ['self'],
      'style-src-attr': ['unsafe-inline'],
      'img-src': ['self', 'data:'],
      'connect-src': ['self'],
      'object-src': ['none'],
      'base-uri': ['none'],
      'form-action': ['self'],
      'frame-ancestors': ['none'],
    },
  },
};

export default config;
