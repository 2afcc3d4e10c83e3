import type { Plan } from './plan.ts';

/** A smaller plan that still fails, found by leaving out what can be left out. */
export async function shrink(plan: Plan, fails: (plan: Plan) => Promise<boolean>): Promise<Plan> {
  let best = plan;
  const attempt = async (smaller: Plan): Promise<boolean> => {
    if (!(await fails(smaller))) return false;
    best = smaller;
    return true;
  };
  for (let size = Math.ceil(best.steps.length / 2); size >= 1; size = size > 1 ? size >> 1 : 0) {
    for (let at = 0; at < best.steps.length;) {
      const steps = best.steps.toSpliced(at, size);
      if (!(await attempt({ ...best, steps }))) at += size;
    }
  }
  while (best.tabs > 1 && (await attempt({ ...best, tabs: best.tabs - 1 })));
  if (best.nodes > 1) await attempt({ ...best, nodes: 1 });
  if (best.isMixed) await attempt({ ...best, isMixed: false });
  return best;
}
