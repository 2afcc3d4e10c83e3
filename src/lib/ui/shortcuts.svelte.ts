import { createContext } from 'svelte';

const storageKey = 'syncline.letters';
const goesWithin = 1_500;

type Action =
  | 'quickAdd'
  | 'edit'
  | 'unread'
  | 'snooze'
  | 'reply'
  | 'won'
  | 'lost'
  | 'filter'
  | 'create'
  | 'help'
  | 'next'
  | 'previous';

/** What a screen does at the keys that it answers; a key without an entry does nothing there. */
export type Answers = Partial<Record<Action, () => unknown>>;

const letters: Record<string, Action> = {
  KeyN: 'quickAdd',
  KeyE: 'edit',
  KeyU: 'unread',
  KeyH: 'snooze',
  KeyR: 'reply',
  KeyW: 'won',
  KeyL: 'lost',
  KeyC: 'create',
  KeyJ: 'next',
  KeyK: 'previous',
};
type Goal = 'inbox' | 'deals' | 'customers';
const goals: Record<string, Goal> = { KeyI: 'inbox', KeyB: 'deals', KeyC: 'customers' };

/** What a key asks for, by its place on the keyboard, so that any layout works; and the sheet of them. */
export class Shortcuts {
  isSheetOpen = $state(false);
  #areLettersOn = $state(readSetting());
  #wentAt = 0;

  get areLettersOn(): boolean {
    return this.#areLettersOn;
  }
  set areLettersOn(value: boolean) {
    this.#areLettersOn = value;
    localStorage.setItem(storageKey, value ? 'on' : 'off');
  }

  openSheet(): void {
    this.isSheetOpen = true;
  }
  closeSheet(): void {
    this.isSheetOpen = false;
  }

  /** Runs what the screen does at this key. */
  answer(event: KeyboardEvent, answers: Answers): void {
    const action = this.#actionOf(event);
    if (!action || !(action in answers || action === 'help')) return;
    event.preventDefault();
    if (action === 'help') this.openSheet();
    else answers[action]?.();
  }

  /** `G` and then a letter goes to another screen; answers where to at the second key. */
  goalOf(event: KeyboardEvent): Goal | undefined {
    const isFollowing = event.timeStamp - this.#wentAt < goesWithin;
    this.#wentAt = -goesWithin;
    if (!this.#areLettersOn || hasModifier(event) || isTyping(event.target)) return undefined;
    if (this.isSheetOpen || isInLayer(event.target)) return undefined;
    if (isFollowing && goals[event.code]) return goals[event.code];
    if (event.code === 'KeyG' && !event.shiftKey) this.#wentAt = event.timeStamp;
    return undefined;
  }

  #actionOf(event: KeyboardEvent): Action | undefined {
    if (isTyping(event.target)) return undefined;
    if (hasModifier(event) || !this.#areLettersOn) return undefined;
    if (event.key === '?' || (event.code === 'Slash' && event.shiftKey)) return 'help';
    if (event.key === '/' || event.code === 'Slash') return 'filter';
    return event.shiftKey ? undefined : letters[event.code];
  }
}

/** Ctrl+Z, where it is not the text field's own. */
export const isUndo = (event: KeyboardEvent): boolean =>
  (event.ctrlKey || event.metaKey) &&
  event.code === 'KeyZ' &&
  !event.shiftKey &&
  !isTyping(event.target);

export const [getShortcuts, setShortcuts] = createContext<Shortcuts>();

export function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
  );
}

function isInLayer(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest('[role=dialog], [role=menu]') !== null;
}

function hasModifier(event: KeyboardEvent): boolean {
  return event.ctrlKey || event.metaKey || event.altKey;
}

function readSetting(): boolean {
  return typeof localStorage === 'undefined' || localStorage.getItem(storageKey) !== 'off';
}
