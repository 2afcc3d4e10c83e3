import type { Api } from '#lib/api.ts';

const every = 1_500;

/**
 * Says when something has happened in the organization, at first too. A page that holds no rows of its own
 * is sent no frames, so it asks where the log stands, while somebody looks at it.
 */
export function watchHead(api: Api, onMove: () => void): () => void {
  let known: number | undefined;
  const look = async (): Promise<void> => {
    if (document.hidden) return;
    const position = await api.call.timeline.head.query().catch(() => known ?? -1);
    if (position === known) return;
    known = position;
    onMove();
  };
  void look();
  const timer = setInterval(() => void look(), every);
  return () => clearInterval(timer);
}
