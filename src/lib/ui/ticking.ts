/** Attach to a figure: when it changes, the digits that differ roll to their new value. */
export function ticking(node: HTMLElement): () => void {
  let shown = node.textContent;
  const look = (): void => {
    const before = shown;
    shown = textOf(node);
    if (before === shown || matchMedia('(prefers-reduced-motion: reduce)').matches) return;
    void import('./roll.ts').then(({ roll }) => roll(node, before));
  };
  const observer = new MutationObserver(look);
  observer.observe(node, { characterData: true, childList: true, subtree: true });
  return () => observer.disconnect();
}

/** The text of a figure without the picture of it that rolls. */
function textOf(node: HTMLElement): string {
  return [...node.childNodes]
    .filter((child) => !(child instanceof HTMLElement && child.classList.contains('rolling')))
    .map((child) => child.textContent)
    .join('');
}
