import type { Attachment } from 'svelte/attachments';

/** A list whose rows are carried by a handle; the row stands where it would be dropped. */
export class DragOrder {
  readonly #ids: () => string[];
  readonly #onDrop: (ids: string[]) => void;
  #order = $state.raw<string[]>();
  carried = $state<string>();

  constructor(options: { ids: () => string[]; onDrop: (ids: string[]) => void }) {
    this.#ids = options.ids;
    this.#onDrop = options.onDrop;
  }

  get ids(): string[] {
    return this.#order ?? this.#ids();
  }

  handle(id: string): Attachment<HTMLElement> {
    return (node) => {
      const down = (event: PointerEvent): void => {
        if (event.button !== 0) return;
        event.preventDefault();
        node.ownerDocument.addEventListener('pointermove', move);
        node.ownerDocument.addEventListener('pointerup', drop);
        node.ownerDocument.addEventListener('pointercancel', cancel);
        node.ownerDocument.addEventListener('keydown', escape);
        this.#order = this.#ids();
        this.carried = id;
      };
      const move = ({ clientY }: PointerEvent): void => this.#moveTo(node, id, clientY);
      const escape = ({ key }: KeyboardEvent): void => void (key === 'Escape' && cancel());
      const drop = (): void => {
        const order = this.#order;
        cancel();
        if (order && order.join() !== this.#ids().join()) this.#onDrop(order);
      };
      const cancel = (): void => {
        node.ownerDocument.removeEventListener('pointermove', move);
        node.ownerDocument.removeEventListener('pointerup', drop);
        node.ownerDocument.removeEventListener('pointercancel', cancel);
        node.ownerDocument.removeEventListener('keydown', escape);
        this.#order = undefined;
        this.carried = undefined;
      };
      node.addEventListener('pointerdown', down);
      return () => {
        node.removeEventListener('pointerdown', down);
        cancel();
      };
    };
  }

  #moveTo(node: HTMLElement, id: string, y: number): void {
    const rows = [...(node.closest('ol, ul')?.children ?? [])];
    const others = this.ids.filter((one) => one !== id);
    const above = rows.filter((row) => {
      const { top, height } = row.getBoundingClientRect();
      return !row.contains(node) && top + height / 2 < y;
    }).length;
    this.#order = [...others.slice(0, above), id, ...others.slice(above)];
  }
}
