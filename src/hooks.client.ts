import type { HandleClientError } from '@sveltejs/kit/hooks';

/** What breaks in the browser is told to its console alone: it has no number in the server's log. */
export const handleError: HandleClientError = ({ kind, error }) => {
  if (kind === 'unknown') reportError(error);
};
