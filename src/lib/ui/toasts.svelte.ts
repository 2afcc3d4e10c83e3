import { getContext, setContext } from 'svelte';

const key = Symbol('toasts');
const lifetime = 8000;

export interface Toast {
  id: number;
  text: string;
  action?: { label: string; hint?: string; run: () => void };
  tone: 'plain' | 'danger';
}

/** Messages at the foot of the page. Each stays eight seconds, longer while hovered or focused. */
export class Toasts {
  list = $state<Toast[]>([]);
  #next = 1;

  show(toast: Omit<Toast, 'id' | 'tone'> & { tone?: Toast['tone'] }): number {
    const id = this.#next++;
    this.list = [...this.list.slice(-2), { tone: 'plain', ...toast, id }];
    return id;
  }

  close(id: number): void {
    this.list = this.list.filter((toast) => toast.id !== id);
  }
}

export const toastLifetime = lifetime;

export function setToasts(): Toasts {
  return setContext(key, new Toasts());
}

export function getToasts(): Toasts {
  return getContext<Toasts>(key);
}
