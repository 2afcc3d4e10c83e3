const storageKey = 'syncline.letters';

type Action = 'quickAdd' | 'amount' | 'won' | 'lost' | 'filter' | 'create' | 'help' | 'undo';

const letters: Record<string, Action> = {
  KeyN: 'quickAdd',
  KeyE: 'amount',
  KeyW: 'won',
  KeyL: 'lost',
  KeyC: 'create',
};

/** What a key asks for, by its place on the keyboard, so that any layout works. */
export class Shortcuts {
  #areLettersOn = $state(readSetting());

  get areLettersOn(): boolean {
    return this.#areLettersOn;
  }
  set areLettersOn(value: boolean) {
    this.#areLettersOn = value;
    localStorage.setItem(storageKey, value ? 'on' : 'off');
  }

  actionOf(event: KeyboardEvent): Action | undefined {
    if (isTyping(event.target)) return undefined;
    const hasModifier = event.ctrlKey || event.metaKey;
    if (hasModifier && event.code === 'KeyZ' && !event.shiftKey) return 'undo';
    if (hasModifier || event.altKey || !this.#areLettersOn) return undefined;
    if (event.key === '?' || (event.code === 'Slash' && event.shiftKey)) return 'help';
    if (event.key === '/' || event.code === 'Slash') return 'filter';
    return event.shiftKey ? undefined : letters[event.code];
  }
}

export function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
  );
}

function readSetting(): boolean {
  return typeof localStorage === 'undefined' || localStorage.getItem(storageKey) !== 'off';
}
