import { createContext } from 'svelte';

/** Whether the sheet of keyboard shortcuts is open; the screen that has shortcuts shows it. */
export class ShortcutSheet {
  isOpen = $state(false);

  open(): void {
    this.isOpen = true;
  }
  close(): void {
    this.isOpen = false;
  }
}

export const [getShortcutSheet, setShortcutSheet] = createContext<ShortcutSheet>();
