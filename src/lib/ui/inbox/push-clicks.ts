/** What the service worker asks of a window when a push is clicked: to go there, unless it is too late. */
export interface PushClick {
  path: string;
  until: number;
}

/** Leads this window where a clicked push leads, and answers whether it does. */
export function followPushClicks(goTo: (path: string) => void): () => void {
  const worker = 'serviceWorker' in navigator ? navigator.serviceWorker : undefined;
  const answer = ({ data, ports }: MessageEvent<PushClick>) => {
    const isLed = Date.now() < data.until && !isHalfWritten();
    ports[0]?.postMessage(isLed);
    if (isLed) goTo(data.path);
  };
  worker?.addEventListener('message', answer);
  return () => worker?.removeEventListener('message', answer);
}

/** Whether something would be lost by leaving: a text, a dialog, a field that is being filled in. */
const isHalfWritten = (): boolean =>
  [...document.querySelectorAll('textarea')].some(({ value }) => value.trim() !== '') ||
  document.querySelector('[role=dialog] form') !== null ||
  (document.activeElement?.matches('input:not([type=search], [type=checkbox])') ?? false);
