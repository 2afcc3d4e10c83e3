import type { Api } from '#lib/api.ts';

export type PushState = 'unsupported' | 'blocked' | 'off' | 'on';

/** Whether this browser is told by push, as the browser and the server see it. */
export async function pushStateOf({ call }: Api): Promise<PushState> {
  const isAble = 'serviceWorker' in navigator && 'PushManager' in window;
  if (!isAble || !('Notification' in window)) return 'unsupported';
  if (Notification.permission === 'denied') return 'blocked';
  const registration = await navigator.serviceWorker.getRegistration();
  const subscription = await registration?.pushManager.getSubscription();
  const { endpoint } = subscription ?? {};
  const { isOn, publicKey } = await call.notifications.pushState.query(
    endpoint ? { endpoint } : {},
  );
  return isOn && subscription && keyOf(subscription) === publicKey ? 'on' : 'off';
}

/** Asks for leave, which a browser shows only after a click, and tells the server where to reach it. */
export async function switchOn({ call }: Api): Promise<void> {
  if ((await Notification.requestPermission()) !== 'granted') return;
  const { publicKey } = await call.notifications.pushState.query({});
  const type = import.meta.env.DEV ? 'module' : 'classic';
  await navigator.serviceWorker.register('/service-worker.js', { type });
  const { pushManager } = await navigator.serviceWorker.ready;
  const old = await pushManager.getSubscription();
  if (old && keyOf(old) !== publicKey) await old.unsubscribe();
  const subscription = await pushManager.subscribe({
    userVisibleOnly: true,
    applicationServerKey: publicKey,
  });
  const { endpoint } = subscription;
  const [p256dh, auth] = [
    textOf(subscription.getKey('p256dh')),
    textOf(subscription.getKey('auth')),
  ];
  await call.notifications.startPush.mutate({ endpoint, p256dh, auth });
}

export async function switchOff({ call }: Api): Promise<void> {
  const registration = await navigator.serviceWorker.getRegistration();
  const subscription = await registration?.pushManager.getSubscription();
  if (!subscription) return;
  await call.notifications.stopPush.mutate({ endpoint: subscription.endpoint });
  await subscription.unsubscribe();
}

const keyOf = (subscription: PushSubscription): string =>
  textOf(subscription.options.applicationServerKey);

/** In base64url. */
function textOf(bytes: ArrayBuffer | null): string {
  const text = String.fromCharCode(...new Uint8Array(bytes ?? new ArrayBuffer(0)));
  return btoa(text).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}
