const latin = "qwertyuiop[]asdfghjkl;'zxcvbnm,.`";
const cyrillic = 'йцукенгшщзхъфывапролджэячсмитьбюё';

const swapped = new Map(
  [...latin].flatMap((key, at): [string, string][] => {
    const letter = cyrillic.charAt(at);
    return [
      [key, letter],
      [letter, key],
    ];
  }),
);

/** The same keys on the other layout: `ghbdtn` is привет, `штмщшсу` is invoice. */
export const otherLayout = (typed: string): string =>
  [...typed.toLowerCase()].map((key) => swapped.get(key) ?? key).join('');
