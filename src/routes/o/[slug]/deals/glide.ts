/**
 * Lets whatever carries `data-glide` glide from where they stood to where they stand. `measure` before the rows change,
 * `play` after: a moved card starts at its old place within the same frame, so nothing jumps.
 */
export class Glide {
  #before = new Map<string, DOMRect>();
  readonly #root: () => HTMLElement | undefined;

  constructor(root: () => HTMLElement | undefined) {
    this.#root = root;
  }

  measure(): void {
    if (this.#before.size > 0) return;
    for (const [id, card] of this.#cards()) this.#before.set(id, card.getBoundingClientRect());
  }

  /** The card that was carried starts where it was let go. */
  startAt(id: string, box: DOMRect): void {
    this.#before.set(id, box);
  }

  play(): void {
    const before = this.#before;
    this.#before = new Map();
    if (before.size === 0 || matchMedia('(prefers-reduced-motion: reduce)').matches) return;
    for (const [id, card] of this.#cards()) {
      const old = before.get(id);
      if (!old) continue;
      const box = card.getBoundingClientRect();
      const x = old.left - box.left;
      const y = old.top - box.top;
      if (Math.abs(x) < 1 && Math.abs(y) < 1) continue;
      if (!isNearScreen(old) && !isNearScreen(box)) continue;
      card.animate([{ transform: `translate(${x}px, ${y}px)`, zIndex: 3 }, { transform: 'none' }], {
        duration: 220,
        easing: 'cubic-bezier(.2,.8,.2,1)',
      });
    }
  }

  #cards(): [string, HTMLElement][] {
    const cards = this.#root()?.querySelectorAll<HTMLElement>('[data-glide]') ?? [];
    return [...cards].map((card) => [card.dataset.glide ?? '', card]);
  }
}

function isNearScreen(box: DOMRect): boolean {
  return box.bottom > -200 && box.top < innerHeight + 200;
}
