import { nameKey } from './names.ts';

export type StageKind = 'open' | 'won' | 'lost';

// Where \b does not see Cyrillic letters, the stem of a word is enough. A demo that is completed, an
// invoice that is not paid and a customer to win back are no sales.
const lostWords =
  /\b(lost|lose|loss|reject|declin|cancel|abandon|dead\b|disqualif|unsuccess|no sale|not (won|sold|success))|проигр|провал|потерян|отказ|неусп|не (усп|реализ|выигр|продан|состоял)|отмен|сорва/;
const wonWords =
  /\b(won|sold|successful|successfully)\b|(?<!not |partly |partially |pre)\bpaid\b|^(closed |deal )?(win|success|completed?)$|выигр|успеш|успех|(?<!не |частично )(?<![а-я])(продан|оплачен|реализован)/;
const steps: [RegExp, number][] = [
  [/\b(lead|new|incoming|prospect|suspect|contact)|лид|нов|входящ|первич|контакт|обращени/, 10],
  [/\b(qualif|engag|discover|research|interest|meeting)|квалиф|выявл|встреч|интерес|потребн/, 25],
  [/\b(propos|quot|offer|demo|present)|предлож|кп|презент|оценк|смет/, 50],
  [/\b(negot|review|approv|decision)|перегов|соглас|решени/, 75],
  [/\b(contract|commit|sign|invoic|payment)|договор|подпис|счет|оплат/, 90],
];

/** What the name of a stage says of its kind and of how far the sale has come. */
export function guessStage(name: string): {
  kind: StageKind;
  probability: number;
  order: number;
} {
  const text = nameKey(name);
  if (lostWords.test(text)) return { kind: 'lost', probability: 0, order: 300 };
  if (wonWords.test(text)) return { kind: 'won', probability: 100, order: 200 };
  const probability = steps.find(([words]) => words.test(text))?.[1];
  return { kind: 'open', probability: probability ?? 50, order: probability ?? 50 };
}
