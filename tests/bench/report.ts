/** One line of the result: what was measured, both figures, and whether the goal is met. */
export interface Line {
  what: string;
  ours: string;
  floor: string;
  ratio: string;
  goal: string;
  isMet: boolean;
  detail?: string;
}

export function markdown(lines: Line[]): string {
  const head = ['', 'ours', 'floor', 'ratio', 'goal', 'met', 'beside it'];
  const body = lines.map(({ what, ours, floor, ratio, goal, isMet, detail = '' }) => [
    what,
    ours,
    floor,
    ratio,
    goal,
    isMet ? 'yes' : 'no',
    detail,
  ]);
  const rows = [head, head.map(() => '---'), ...body];
  return rows.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
