/// <reference lib="webworker" />
/** Shows what is pushed while no window of ours is in sight. It keeps nothing and answers no requests. */

import type { PushClick } from '#lib/ui/inbox/push-clicks.ts';

/** The browser forgets before long that there was a click, and then opens nothing. */
const patience = 1_000;

const worker = globalThis.self as unknown as ServiceWorkerGlobalScope;

interface Pushed {
  title: string;
  text: string;
  path: string;
  /** One that comes twice takes its own place. */
  tag: string;
}

worker.addEventListener('push', (event) => {
  if (event.data) event.waitUntil(show(event.data.json() as Pushed));
});

worker.addEventListener('notificationclick', (event) => {
  const { path } = event.notification.data as Pick<Pushed, 'path'>;
  event.notification.close();
  event.waitUntil(open(path));
});

/** In the window of that organization that was used last, unless something is half written there. */
async function open(path: string): Promise<void> {
  const home = path.split('/', 3).join('/');
  const windows = await worker.clients.matchAll({ type: 'window', includeUncontrolled: true });
  const ours = windows.find(({ url }) => `${new URL(url).pathname}/`.startsWith(`${home}/`));
  if (ours && (await isLed(ours, path))) await ours.focus();
  else await worker.clients.openWindow(path);
}

/** Whether a window goes there; one that says nothing, as it sleeps or breaks, does not. */
function isLed(client: WindowClient, path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = ({ data }) => resolve(data === true);
    setTimeout(() => resolve(false), patience);
    const click: PushClick = { path, until: Date.now() + patience };
    client.postMessage(click, [port2]);
  });
}

async function show({ title, text, path, tag }: Pushed): Promise<void> {
  const windows = await worker.clients.matchAll({ type: 'window', includeUncontrolled: true });
  if (windows.some(({ visibilityState }) => visibilityState === 'visible')) return;
  await worker.registration.showNotification(title, {
    ...{ body: text, tag, icon: '/mark.svg' },
    data: { path },
  });
}
