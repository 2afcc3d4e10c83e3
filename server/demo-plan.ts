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

export interface DemoActivity {
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

export interface DemoCustomer {
  name: string;
  city: string;
  country: string;
  industry: string;
  status: 'active' | 'lead' | 'prospect' | 'vip';
  email?: string;
  phone?: string;
  owner: string;
}

export const call = (inDays: number, title = 'Звонок'): DemoActivity => ({
  kind: 'call',
  title,
  inDays,
});
export const meeting = (inDays: number, title = 'Встреча'): DemoActivity => ({
  kind: 'meeting',
  title,
  inDays,
});
export const email = (inDays: number, title = 'Письмо'): DemoActivity => ({
  kind: 'email',
  title,
  inDays,
});
