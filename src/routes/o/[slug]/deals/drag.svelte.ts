import type { Deal } from '#lib/shared/entities.ts';

/** Where a card would stand: before another card of the stage, or at its end. */
export interface Place {
  stageId: string;
  beforeId: string | null;
}

export interface Lifted {
  deal: Deal;
  from: string;
  by: 'pointer' | 'keys';
  width: number;
  height: number;
}

interface Rules {
  dealOf(id: string): Deal | undefined;
  canLift(deal: Deal): boolean;
  onLift(deal: Deal | null): void;
  onDrop(deal: Deal, place: Place): void;
  onCancel(deal: Deal): void;
}

const threshold = 5;
const longPress = 220;
const wobble = 8;
const edge = 56;
const speed = 14;

/**
 * Carrying a card by mouse or touch. While it is carried nothing in the columns moves: the origin
 * keeps its room, the insertion line has no height, so no layout is made but for the two.
 */
export class Drag {
  lifted = $state.raw<Lifted>();
  place = $state.raw<Place>();

  /** Where the carried card was let go, for the glide that follows. */
  lastFloating: { id: string; rect: DOMRect } | undefined;

  #rules: Rules;
  #board: HTMLElement | undefined;
  #press: { id: string; pointerId: number; x: number; y: number; timer?: number } | undefined;
  #grab = { x: 0, y: 0 };
  #pointer = { x: 0, y: 0 };
  #frame = 0;
  #floating: HTMLElement | undefined;

  constructor(rules: Rules) {
    this.#rules = rules;
  }

  /** Attach to the element that holds the columns, the dock and the stage strip. */
  readonly board = (board: HTMLElement) => {
    this.#board = board;
    const onTouchMove = (event: TouchEvent) => {
      if (this.lifted?.by === 'pointer' && event.cancelable) event.preventDefault();
    };
    const onContextMenu = (event: Event) => {
      if (this.#press?.timer !== undefined || this.lifted) event.preventDefault();
    };
    const onClick = (event: Event) => {
      if (!this.#hasJustDropped) return;
      event.preventDefault();
      event.stopPropagation();
    };
    board.addEventListener('pointerdown', this.#onPointerDown);
    board.addEventListener('touchmove', onTouchMove, { passive: false });
    board.addEventListener('contextmenu', onContextMenu);
    board.addEventListener('click', onClick, { capture: true });
    return () => {
      this.#forgetPress();
      this.#end();
      board.removeEventListener('pointerdown', this.#onPointerDown);
      board.removeEventListener('touchmove', onTouchMove);
      board.removeEventListener('contextmenu', onContextMenu);
      board.removeEventListener('click', onClick, { capture: true });
    };
  };

  /** Attach to the card that follows the pointer. */
  readonly floating = (node: HTMLElement) => {
    this.#floating = node;
    this.#follow();
    return () => (this.#floating = undefined);
  };

  liftByKeys(deal: Deal, place: Place): void {
    this.lifted = { deal, from: deal.stageId, by: 'keys', width: 0, height: 0 };
    this.place = place;
    this.#rules.onLift(deal);
  }

  moveByKeys(place: Place): void {
    this.place = place;
  }

  drop(): void {
    const { lifted, place } = this;
    const rect = this.#floating?.getBoundingClientRect();
    if (lifted && rect) this.lastFloating = { id: lifted.deal.id, rect };
    this.#end();
    if (!lifted) return;
    if (place) this.#rules.onDrop(lifted.deal, place);
    else this.#rules.onCancel(lifted.deal);
  }

  cancel(): void {
    const { lifted } = this;
    this.#forgetPress();
    this.#end();
    if (lifted) this.#rules.onCancel(lifted.deal);
  }

  #hasJustDropped = false;

  readonly #onPointerDown = (event: PointerEvent) => {
    const target = event.target instanceof Element ? event.target : undefined;
    const card = target?.closest<HTMLElement>('[data-deal-id]');
    const id = card?.dataset.dealId;
    if (!card || !id || event.button !== 0 || this.lifted) return;
    if (target?.closest('button, input, textarea, select, [data-no-drag]')) return;
    const press = { id, pointerId: event.pointerId, x: event.clientX, y: event.clientY };
    this.#pointer = { x: event.clientX, y: event.clientY };
    const lift = () => this.#lift(card);
    this.#press =
      event.pointerType === 'mouse'
        ? press
        : { ...press, timer: window.setTimeout(lift, longPress) };
    document.addEventListener('pointermove', this.#onPointerMove);
    document.addEventListener('pointerup', this.#onPointerUp);
    document.addEventListener('pointercancel', this.#onPointerCancel);
  };

  readonly #onPointerMove = (event: PointerEvent) => {
    if (event.pointerId !== this.#press?.pointerId) return;
    this.#pointer = { x: event.clientX, y: event.clientY };
    if (this.lifted) return;
    const far = Math.hypot(event.clientX - this.#press.x, event.clientY - this.#press.y);
    if (this.#press.timer !== undefined) {
      if (far > wobble) this.#forgetPress();
      return;
    }
    const card = document.getElementById(`deal-${this.#press.id}`);
    if (far > threshold && card) this.#lift(card);
  };

  readonly #onPointerUp = (event: PointerEvent) => {
    if (event.pointerId !== this.#press?.pointerId) return;
    this.#forgetPress();
    if (!this.lifted) return;
    this.#aim();
    this.#hasJustDropped = true;
    setTimeout(() => (this.#hasJustDropped = false), 50);
    this.drop();
  };

  readonly #onPointerCancel = (event: PointerEvent) => {
    if (event.pointerId === this.#press?.pointerId) this.cancel();
  };

  #forgetPress(): void {
    clearTimeout(this.#press?.timer);
    this.#press = undefined;
    document.removeEventListener('pointermove', this.#onPointerMove);
    document.removeEventListener('pointerup', this.#onPointerUp);
    document.removeEventListener('pointercancel', this.#onPointerCancel);
  }

  #lift(card: HTMLElement): void {
    const press = this.#press;
    const deal = press && this.#rules.dealOf(press.id);
    if (!press || !deal || !this.#rules.canLift(deal)) return this.#forgetPress();
    this.#press = { ...press, timer: undefined };
    const box = card.getBoundingClientRect();
    this.#grab = { x: press.x - box.left, y: press.y - box.top };
    window.getSelection()?.removeAllRanges();
    document.addEventListener('keydown', this.#onKeyDown, { capture: true });
    navigator.vibrate?.(10);
    this.lifted = {
      deal,
      from: deal.stageId,
      by: 'pointer',
      width: box.width,
      height: box.height,
    };
    this.#rules.onLift(deal);
    this.#frame = requestAnimationFrame(this.#step);
  }

  readonly #onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== 'Escape') return;
    event.preventDefault();
    event.stopPropagation();
    this.cancel();
  };

  readonly #step = () => {
    this.#scroll();
    this.#aim();
    this.#follow();
    this.#frame = requestAnimationFrame(this.#step);
  };

  #follow(): void {
    const x = this.#pointer.x - this.#grab.x;
    const y = this.#pointer.y - this.#grab.y;
    if (this.#floating) this.#floating.style.transform = `translate3d(${x}px, ${y}px, 0)`;
  }

  #scroll(): void {
    const { x, y } = this.#pointer;
    const board = this.#board?.querySelector<HTMLElement>('.board');
    if (!board) return;
    const box = board.getBoundingClientRect();
    const aside = push(x, box.left, box.right);
    if (aside !== 0) board.scrollLeft += aside;
    const cards = this.#columnAt(x)?.querySelector<HTMLElement>('.cards');
    if (!cards) return;
    const list = cards.getBoundingClientRect();
    const down = push(y, list.top, Math.min(list.bottom, box.bottom));
    if (down !== 0) cards.scrollTop += down;
  }

  /** Finds the place under the pointer: dock and strip first, then the column. */
  #aim(): void {
    const { x, y } = this.#pointer;
    const over = this.#all('dropzone').find((node) => isInside(node.getBoundingClientRect(), x, y));
    const stageId = over?.dataset.dropStage;
    const next = stageId ? { stageId, beforeId: null } : this.#placeInColumn();
    const now = this.place;
    if (now?.stageId !== next?.stageId || now?.beforeId !== next?.beforeId) this.place = next;
  }

  #placeInColumn(): Place | undefined {
    const box = this.#board?.getBoundingClientRect();
    const { x, y } = this.#pointer;
    if (!box || y < box.top - edge || y > box.bottom + edge) return undefined;
    const column = this.#columnAt(x);
    const stageId = column?.dataset.stageId;
    if (!column || !stageId) return undefined;
    const middle = y - this.#grab.y + (this.lifted?.height ?? 0) / 2;
    const cards = column.getElementsByClassName('deal');
    const beforeId = this.#idBelow(cards, middle);
    return { stageId, beforeId };
  }

  /** The first card, but for the one in the hand, whose middle is below; they stand in order of height. */
  #idBelow(cards: HTMLCollectionOf<Element>, y: number): string | null {
    let [from, to] = [0, cards.length];
    while (from < to) {
      const at = (from + to) >> 1;
      const box = cards[at]?.getBoundingClientRect();
      if (box && box.top + box.height / 2 <= y) from = at + 1;
      else to = at;
    }
    const found = [cards[from], cards[from + 1]].map((card) => card?.getAttribute('data-deal-id'));
    return found.find((id) => id !== this.lifted?.deal.id) ?? null;
  }

  /** A live list, which costs nothing while the page stays as it is: it is asked for in every frame. */
  #all(name: string): HTMLElement[] {
    const found = this.#board?.getElementsByClassName(name) ?? [];
    return [...found].filter((node) => node instanceof HTMLElement);
  }

  #columnAt(x: number): HTMLElement | undefined {
    return this.#all('col').find((column) => {
      const box = column.getBoundingClientRect();
      return x >= box.left - 6 && x <= box.right + 6;
    });
  }

  #end(): void {
    cancelAnimationFrame(this.#frame);
    document.removeEventListener('keydown', this.#onKeyDown, { capture: true });
    if (!this.lifted) return;
    this.lifted = undefined;
    this.place = undefined;
    this.#rules.onLift(null);
  }
}

function push(at: number, from: number, to: number): number {
  if (at < from + edge) return -speed * Math.min(1, (from + edge - at) / edge);
  if (at > to - edge) return speed * Math.min(1, (at - to + edge) / edge);
  return 0;
}

function isInside(box: DOMRect, x: number, y: number): boolean {
  return x >= box.left && x <= box.right && y >= box.top && y <= box.bottom;
}
