/** What the demo organization holds. Days and hours count from the moment it is filled. */
export interface DemoDeal {
  title: string;
  customer: string;
  owner: string;
  /** In whole units of the currency; the organization's own unless said. */
  value: number;
  currency?: string;
  /** Days from today to the expected closing, or since the closing of a won or lost deal. */
  closes: number;
  /** Days in the stage. */
  since: number;
  activity?: DemoActivity;
  tags?: string[];
  isUrgent?: boolean;
  lostReason?: string;
  /** Product and quantity. */
  lines?: [product: string, quantity: number][];
}

interface DemoActivity {
  kind: 'call' | 'meeting' | 'email' | 'task';
  title: string;
  /** Days from today; 0 is later today. */
  inDays: number;
}

export interface DemoStage {
  name: string;
  kind: 'open' | 'won' | 'lost';
  probability: number;
  rottingDays?: number;
  deals: DemoDeal[];
}

export interface DemoPipeline {
  name: string;
  stages: DemoStage[];
}

interface DemoPerson {
  name: string;
  role: 'owner' | 'admin' | 'manager' | 'sales' | 'viewer';
  team?: string;
  /** Without one the person is a member without an account. */
  email?: string;
}

export interface DemoOrganization {
  name: string;
  slug: string;
  currency: string;
  timeZone: string;
  locale: 'en' | 'ru';
  teams: string[];
  people: DemoPerson[];
  /** Units of the organization's currency for one unit of the other. */
  rates: Record<string, string>;
  customers: DemoCustomer[];
  products: { name: string; series: string; price: string }[];
  lostReasons: string[];
  pipelines: DemoPipeline[];
}

interface DemoCustomer {
  name: string;
  city: string;
  country: string;
  industry: string;
  status: 'active' | 'lead' | 'prospect' | 'vip';
  email?: string;
  phone?: string;
  owner: string;
}

const call = (inDays: number, title = 'Звонок'): DemoActivity => ({ kind: 'call', title, inDays });
const meeting = (inDays: number, title = 'Встреча'): DemoActivity => ({
  kind: 'meeting',
  title,
  inDays,
});
const email = (inDays: number, title = 'Письмо'): DemoActivity => ({
  kind: 'email',
  title,
  inDays,
});

const [anna, boris, maria] = ['Анна Ковалёва', 'Борис Волков', 'Мария Лебедева'];
const [aigul, dmitry, timur] = ['Айгуль Сатпаева', 'Дмитрий Орлов', 'Тимур Ахметов'];
const [elena, jonas, oleg] = ['Елена Соколова', 'Jonas Weber', 'Олег Титов'];
const [wholesale, retail] = ['Оптовый отдел', 'Розница'];

const wholesaleStages: DemoStage[] = [
  {
    name: 'Лид',
    kind: 'open',
    probability: 10,
    rottingDays: 14,
    deals: [
      {
        title: 'Запуск кофеен в трёх бизнес-центрах',
        customer: 'Группа «Меридиан»',
        owner: dmitry,
        value: 2_400_000,
        closes: 28,
        since: 2,
        activity: call(0),
        isUrgent: true,
      },
      {
        title: 'Обжарка под своей маркой',
        customer: 'ТОО «Алатау Фуд»',
        owner: aigul,
        value: 8_600_000,
        currency: 'KZT',
        closes: 56,
        since: 5,
        activity: meeting(4),
      },
      {
        title: 'Кофе-корнер в библиотеке',
        customer: 'Библиотека № 14',
        owner: elena,
        value: 186_000,
        closes: 10,
        since: 21,
      },
      {
        title: 'Пробная аренда, 4 машины',
        customer: 'Nordlicht Café GmbH',
        owner: jonas,
        value: 14_800,
        currency: 'EUR',
        closes: 32,
        since: 1,
        activity: email(3),
        tags: ['аренда'],
      },
      {
        title: 'Чай и сиропы в офисы',
        customer: '«Левый берег»',
        owner: timur,
        value: 410_000,
        closes: 52,
        since: 4,
        activity: call(6),
      },
    ],
  },
  {
    name: 'Квалификация',
    kind: 'open',
    probability: 25,
    rottingDays: 14,
    deals: [
      {
        title: 'Кофемашины для двенадцати пекарен',
        customer: '«Пекарня на Лесной»',
        owner: anna,
        value: 1_240_000,
        closes: 8,
        since: 6,
        activity: call(0),
        tags: ['horeca'],
      },
      {
        title: 'Сервисный договор на год',
        customer: 'ООО «Северный ветер»',
        owner: timur,
        value: 540_000,
        closes: 22,
        since: 9,
        activity: meeting(6),
      },
      {
        title: 'Бары на промышленном форуме',
        customer: '«Экспо-Урал»',
        owner: elena,
        value: 760_000,
        closes: -6,
        since: 34,
        activity: call(-6),
      },
      {
        title: 'Зерно, 400 кг в месяц',
        customer: 'Сеть «Точка»',
        owner: dmitry,
        value: 3_120_000,
        closes: 30,
        since: 3,
        activity: meeting(5, 'Дегустация'),
        lines: [['Зерно «Полярная ночь», 1 кг', 1200]],
      },
    ],
  },
  {
    name: 'Предложение',
    kind: 'open',
    probability: 50,
    rottingDays: 10,
    deals: [
      {
        title: 'Гостиница «Иртыш»: бар и два этажа',
        customer: 'АО «Иртыш-отель»',
        owner: aigul,
        value: 4_850_000,
        closes: 20,
        since: 8,
        activity: meeting(7, 'Показ'),
        lines: [['Кофемашина K-64', 12]],
      },
      {
        title: 'Жернова для K-64, 30 комплектов',
        customer: 'ИП Гаврилов А. С.',
        owner: timur,
        value: 120_000,
        closes: 15,
        since: 4,
        activity: email(0, 'Ответить на письмо'),
        lines: [
          ['Жернова 64 мм', 30],
          ['Ключ и сито', 30],
        ],
      },
      {
        title: 'Пять точек: докомплектация',
        customer: '«Вкусный угол»',
        owner: anna,
        value: 940_000,
        closes: 12,
        since: 7,
        activity: call(4),
      },
      {
        title: 'Мойка и фильтры, 40 точек',
        customer: 'Сеть «Точка»',
        owner: maria,
        value: 1_680_000,
        closes: 14,
        since: 5,
        activity: call(4),
        lines: [['Фильтр для воды', 160]],
      },
    ],
  },
  {
    name: 'Переговоры',
    kind: 'open',
    probability: 75,
    rottingDays: 14,
    deals: [
      {
        title: 'Аренда для сети фитнес-клубов',
        customer: '«Ритм»',
        owner: dmitry,
        value: 2_080_000,
        closes: 7,
        since: 11,
        activity: meeting(0, 'Договор'),
        isUrgent: true,
        tags: ['аренда'],
      },
      {
        title: 'Линия розлива колд-брю',
        customer: 'ТОО «Бурабай Су»',
        owner: aigul,
        value: 21_500_000,
        currency: 'KZT',
        closes: 29,
        since: 16,
        activity: call(3, 'Созвон'),
      },
      {
        title: 'Обучение бариста, 3 группы',
        customer: 'Колледж сервиса',
        owner: elena,
        value: 324_000,
        closes: 11,
        since: 2,
        activity: meeting(5),
      },
    ],
  },
  {
    name: 'Договор',
    kind: 'open',
    probability: 90,
    rottingDays: 7,
    deals: [
      {
        title: 'Оснащение кухни «Маяк»',
        customer: 'ООО «Маяк-Кейтеринг»',
        owner: dmitry,
        value: 3_640_000,
        closes: 5,
        since: 3,
        activity: meeting(0, 'Подписание'),
      },
      {
        title: 'Вторая очередь: 8 кофемашин',
        customer: 'Nordlicht Café GmbH',
        owner: jonas,
        value: 61_200,
        currency: 'EUR',
        closes: 10,
        since: 5,
        activity: { kind: 'task', title: 'Счёт', inDays: 3 },
        lines: [['Кофемашина K-64', 8]],
      },
    ],
  },
  {
    name: 'Выиграна',
    kind: 'won',
    probability: 100,
    deals: [
      {
        title: 'Первая очередь: 6 кофемашин',
        customer: 'Nordlicht Café GmbH',
        owner: jonas,
        value: 46_900,
        currency: 'EUR',
        closes: 24,
        since: 24,
      },
      {
        title: 'Зерно для пекарен, пробная партия',
        customer: '«Пекарня на Лесной»',
        owner: anna,
        value: 148_000,
        closes: 17,
        since: 17,
      },
      {
        title: 'Сервис кофемашин, полгода',
        customer: 'ООО «Северный ветер»',
        owner: boris,
        value: 270_000,
        closes: 9,
        since: 9,
      },
    ],
  },
  {
    name: 'Проиграна',
    kind: 'lost',
    probability: 0,
    deals: [
      {
        title: 'Кофейня в кинотеатре',
        customer: '«Экспо-Урал»',
        owner: elena,
        value: 890_000,
        closes: 20,
        since: 20,
        lostReason: 'Дорого',
      },
      {
        title: 'Аренда на летний сезон',
        customer: '«Левый берег»',
        owner: timur,
        value: 215_000,
        closes: 31,
        since: 31,
        lostReason: 'Перенесли на потом',
      },
    ],
  },
];

const retailStages: DemoStage[] = [
  {
    name: 'Lead',
    kind: 'open',
    probability: 10,
    rottingDays: 7,
    deals: [
      {
        title: 'Gift sets for the New Year',
        customer: 'Группа «Меридиан»',
        owner: oleg,
        value: 96_000,
        closes: 18,
        since: 2,
        activity: email(1, 'Send the catalogue'),
      },
    ],
  },
  {
    name: 'Qualified',
    kind: 'open',
    probability: 25,
    rottingDays: 7,
    deals: [
      {
        title: 'Home espresso club, 40 subscriptions',
        customer: '«Ритм»',
        owner: oleg,
        value: 224_000,
        closes: 25,
        since: 4,
        activity: call(2, 'Call'),
      },
    ],
  },
  { name: 'Proposal', kind: 'open', probability: 50, rottingDays: 7, deals: [] },
  {
    name: 'Negotiation',
    kind: 'open',
    probability: 75,
    rottingDays: 7,
    deals: [
      {
        title: 'Corner at the service college',
        customer: 'Колледж сервиса',
        owner: oleg,
        value: 158_500,
        closes: 9,
        since: 6,
        activity: meeting(3, 'Meeting on site'),
      },
    ],
  },
  {
    name: 'Won',
    kind: 'won',
    probability: 100,
    deals: [
      {
        title: 'Office starter kit',
        customer: '«Левый берег»',
        owner: oleg,
        value: 42_000,
        closes: 12,
        since: 12,
      },
    ],
  },
  { name: 'Lost', kind: 'lost', probability: 0, deals: [] },
];

export const polaris: DemoOrganization = {
  name: 'Полярис Трейд',
  slug: 'demo',
  currency: 'RUB',
  timeZone: 'Europe/Moscow',
  locale: 'ru',
  teams: [wholesale, retail],
  people: [
    { name: maria, role: 'owner', team: wholesale, email: 'maria@demo.test' },
    { name: anna, role: 'admin', team: wholesale, email: 'anna@demo.test' },
    { name: dmitry, role: 'manager', team: wholesale, email: 'dmitry@demo.test' },
    { name: boris, role: 'sales', team: wholesale, email: 'boris@demo.test' },
    { name: aigul, role: 'sales', team: wholesale, email: 'aigul@demo.test' },
    { name: 'Вера Громова', role: 'viewer', email: 'vera@demo.test' },
    { name: timur, role: 'sales', team: wholesale },
    { name: elena, role: 'sales', team: wholesale },
    { name: jonas, role: 'sales', team: wholesale },
    { name: oleg, role: 'sales', team: retail },
  ],
  rates: { EUR: '92.40', KZT: '0.1552' },
  customers: [
    customer('Группа «Меридиан»', 'Москва', 'Недвижимость', 'prospect', dmitry),
    customer('ТОО «Алатау Фуд»', 'Алматы', 'Продукты', 'lead', aigul, { country: 'Казахстан' }),
    customer('Библиотека № 14', 'Екатеринбург', 'Культура', 'lead', elena),
    customer('Nordlicht Café GmbH', 'Berlin', 'Horeca', 'vip', jonas, {
      country: 'Deutschland',
      email: 'einkauf@nordlicht.example',
      phone: '+49 30 5550142',
    }),
    customer('«Левый берег»', 'Новосибирск', 'Офисы', 'prospect', timur),
    customer('«Пекарня на Лесной»', 'Москва', 'Horeca', 'active', anna, {
      email: 'zakaz@lesnaya.example',
    }),
    customer('ООО «Северный ветер»', 'Мурманск', 'Логистика', 'active', timur),
    customer('«Экспо-Урал»', 'Екатеринбург', 'Выставки', 'prospect', elena),
    customer('Сеть «Точка»', 'Казань', 'Horeca', 'active', dmitry, { phone: '+7 843 555-01-20' }),
    customer('АО «Иртыш-отель»', 'Павлодар', 'Гостиницы', 'prospect', aigul, {
      country: 'Казахстан',
    }),
    customer('ИП Гаврилов А. С.', 'Тула', 'Сервис', 'active', timur, {
      phone: '+7 (912) 404-18-60',
    }),
    customer('«Вкусный угол»', 'Пермь', 'Horeca', 'active', anna),
    customer('«Ритм»', 'Санкт-Петербург', 'Спорт', 'prospect', dmitry),
    customer('ТОО «Бурабай Су»', 'Кокшетау', 'Напитки', 'active', aigul, { country: 'Казахстан' }),
    customer('Колледж сервиса', 'Уфа', 'Образование', 'active', elena),
    customer('ООО «Маяк-Кейтеринг»', 'Сочи', 'Horeca', 'vip', dmitry, {
      email: 'mayak@mayak.example',
    }),
  ],
  products: [
    { name: 'Кофемашина K-64', series: 'K', price: '389000' },
    { name: 'Жернова 64 мм', series: 'K', price: '3400' },
    { name: 'Ключ и сито', series: 'K', price: '600' },
    { name: 'Фильтр для воды', series: 'Сервис', price: '2150' },
    { name: 'Зерно «Полярная ночь», 1 кг', series: 'Зерно', price: '1480.50' },
  ],
  lostReasons: ['Дорого', 'Выбрали другого', 'Нет бюджета', 'Перенесли на потом', 'Нет ответа'],
  pipelines: [
    { name: 'Оптовые продажи', stages: wholesaleStages },
    { name: 'Retail', stages: retailStages },
  ],
};

export const nordlicht: DemoOrganization = {
  name: 'Nordlicht',
  slug: 'nordlicht',
  currency: 'EUR',
  timeZone: 'Europe/Berlin',
  locale: 'en',
  teams: ['Sales'],
  people: [{ name: 'Anna Kovaleva', role: 'owner', team: 'Sales', email: 'anna@demo.test' }],
  rates: {},
  customers: [
    customer('Hafen Hotel', 'Hamburg', 'Hotels', 'active', 'Anna Kovaleva', {
      country: 'Germany',
    }),
    customer('Kiezrösterei', 'Berlin', 'Horeca', 'lead', 'Anna Kovaleva', { country: 'Germany' }),
  ],
  products: [{ name: 'Barista training, one day', series: 'Training', price: '690' }],
  lostReasons: ['Price', 'Chose somebody else', 'No budget'],
  pipelines: [
    {
      name: 'Sales',
      stages: [
        {
          name: 'Lead',
          kind: 'open',
          probability: 10,
          deals: [
            {
              title: 'House blend for two bars',
              customer: 'Kiezrösterei',
              owner: 'Anna Kovaleva',
              value: 5200,
              closes: 21,
              since: 3,
              activity: call(2, 'Call'),
            },
          ],
        },
        {
          name: 'Proposal',
          kind: 'open',
          probability: 50,
          deals: [
            {
              title: 'Breakfast bar, three machines',
              customer: 'Hafen Hotel',
              owner: 'Anna Kovaleva',
              value: 18_900,
              closes: 14,
              since: 5,
              activity: meeting(1, 'Tasting'),
            },
          ],
        },
        { name: 'Won', kind: 'won', probability: 100, deals: [] },
        { name: 'Lost', kind: 'lost', probability: 0, deals: [] },
      ],
    },
  ],
};

function customer(
  name: string,
  city: string,
  industry: string,
  status: DemoCustomer['status'],
  owner: string,
  more: Partial<DemoCustomer> = {},
): DemoCustomer {
  return { name, city, industry, status, owner, country: 'Россия', ...more };
}
