import {
  call,
  type DemoCustomer,
  type DemoOrganization,
  type DemoStage,
  email,
  meeting,
} from './demo-plan.ts';
import {
  aigul,
  anna,
  boris,
  dmitry,
  elena,
  jonas,
  maria,
  oleg,
  retail,
  timur,
  wholesale,
  wholesaleStages,
} from './demo-wholesale.ts';

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
