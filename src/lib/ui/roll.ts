const motion = { duration: 220, easing: 'cubic-bezier(.2,.8,.2,1)' };

/** Lays a picture of the figure over it, whose digits roll from what stood before, and takes it away. */
export async function roll(node: HTMLElement, before: string): Promise<void> {
  node.querySelector(':scope > .rolling')?.remove();
  const picture = document.createElement('span');
  picture.className = 'rolling';
  picture.ariaHidden = 'true';
  for (const child of node.childNodes) picture.append(child.cloneNode(true));
  const rolls = wrapDigits(picture, before);
  if (rolls.length === 0) return;
  node.append(picture);
  const ends = rolls.map(
    (strip) =>
      strip.animate([{ transform: 'translateY(-50%)' }, { transform: 'none' }], motion).finished,
  );
  await Promise.allSettled(ends);
  picture.remove();
}

/** Makes each digit that differs from the one before it a strip of two; compared from the right. */
function wrapDigits(picture: HTMLElement, before: string): HTMLElement[] {
  const strips: HTMLElement[] = [];
  const texts = textNodesOf(picture);
  let left = texts.reduce((sum, { data }) => sum + data.length, 0);
  const shift = before.length - left;
  left = 0;
  for (const text of texts) {
    const parts = [...text.data].map((char): Node | string => {
      const old = before[left++ + shift] ?? ' ';
      if (!/\d/.test(char) || old === char) return char;
      const cell = document.createElement('span');
      cell.className = 'digit';
      const strip = document.createElement('span');
      strip.append(line(char), line(/\d/.test(old) ? old : ' '));
      cell.append(strip);
      strips.push(strip);
      return cell;
    });
    text.replaceWith(...parts);
  }
  return strips;
}

function textNodesOf(root: HTMLElement): Text[] {
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  const found: Text[] = [];
  while (walker.nextNode()) if (walker.currentNode instanceof Text) found.push(walker.currentNode);
  return found;
}

function line(text: string): HTMLElement {
  const span = document.createElement('span');
  span.textContent = text;
  return span;
}
