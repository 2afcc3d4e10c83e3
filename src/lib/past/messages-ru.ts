import type { Translated } from '#lib/shared/i18n.ts';
import type { pastEn } from './messages-en.ts';

export const pastRu: Translated<typeof pastEn> = {
  bar: 'Путешествие во времени',
  asOf: 'Как было {when}',
  moment: 'Момент',
  changed: {
    one: '{count} изменена с тех пор',
    few: '{count} изменены с тех пор',
    many: '{count} изменено с тех пор',
    other: '{count} изменено с тех пор',
  },
  added: {
    one: '{count} новая с тех пор',
    few: '{count} новые с тех пор',
    many: '{count} новых с тех пор',
    other: '{count} новых с тех пор',
  },
  gone: {
    one: '{count} удалена с тех пор',
    few: '{count} удалены с тех пор',
    many: '{count} удалено с тех пор',
    other: '{count} удалено с тех пор',
  },
  nothing: 'С тех пор ничего не изменилось',
  cut: 'с тех пор изменилось больше {count}',
  dayBack: 'На день назад',
  dayOn: 'На день вперёд',
  play: 'Проиграть',
  playWeek: 'Проиграть неделю',
  pause: 'Пауза',
  now: 'К настоящему',
  loading: 'Загрузка',
  failed: 'Этот момент не удалось загрузить.',
  retry: 'Повторить',
  before: 'Здесь ещё ничего не было',
  beforeText: 'Выберите момент позже.',
};
