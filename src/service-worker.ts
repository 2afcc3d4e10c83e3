/// <reference lib="webworker" />
/** Shows what is pushed while no window of ours is in sight. It keeps nothing and answers no requests. */

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
  // A window of its own: in one that is open already something may be half written.
  event.waitUntil(worker.clients.openWindow(path));
});

async function show({ title, text, path, tag }: Pushed): Promise<void> {
  const windows = await worker.clients.matchAll({ type: 'window', includeUncontrolled: true });
  if (windows.some(({ visibilityState }) => visibilityState === 'visible')) return;
  await worker.registration.showNotification(title, {
    ...{ body: text, tag, icon: '/mark.svg' },
    data: { path },
  });
}
