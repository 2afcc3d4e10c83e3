import { gzipSync } from 'node:zlib';
import AxeBuilder from '@axe-core/playwright';
import type { Browser, BrowserContext, Page } from 'playwright';
import { expect, test } from 'vitest';
import { demoStage } from '#tests/support/stage.ts';

const password = 'demo-syncline';
const stage = demoStage();

async function open({
  path = '/sign-in',
  locale = 'en',
  theme = 'light',
  ...options
}: { path?: string; locale?: string; theme?: string } & Parameters<Browser['newContext']>[0] = {}) {
  const context = await stage.browser.newContext(options);
  const cookies = Object.entries({ locale, theme });
  await context.addCookies(
    cookies.map(([name, value]) => ({ name, value, url: stage.server.url })),
  );
  const page = await context.newPage();
  await page.goto(stage.server.url + path);
  return { context, page };
}

async function signIn(page: Page, email: string, given = password): Promise<void> {
  await page.fill('[name=email]', email);
  await page.fill('[name=password]', given);
  await page.click('button.primary');
}

async function newContextAs(email: string): Promise<{ context: BrowserContext; page: Page }> {
  const opened = await open();
  await signIn(opened.page, email);
  await opened.page.waitForURL('**/deals');
  return opened;
}

test('sign-in works without JavaScript: a wrong password says so and keeps the address', async () => {
  const { context, page } = await open({ javaScriptEnabled: false, path: '/o/demo/deals?q=tea' });
  expect(new URL(page.url()).pathname).toBe('/sign-in');
  await signIn(page, 'anna@demo.test', 'not the password');
  expect(await page.getByRole('alert').textContent()).toContain('E-mail or password is not right');
  expect(await page.inputValue('[name=email]')).toBe('anna@demo.test');
  await signIn(page, 'anna@demo.test');
  expect(page.url()).toBe(`${stage.server.url}/o/demo/deals?q=tea`);
  await context.close();
});

test('what is typed before the scripts have come stays, and so does the place', async () => {
  const { context, page } = await open({ path: '/' });
  await page.route('**/_app/**/*.js', async (route) => {
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    await route.continue();
  });
  await page.goto(`${stage.server.url}/sign-in`, { waitUntil: 'commit' });
  await page.fill('[name=email]', 'anna@demo.test');
  await page.fill('[name=password]', password);
  await page.getByRole('button', { name: 'Show the password' }).waitFor();
  expect(await page.inputValue('[name=email]')).toBe('anna@demo.test');
  expect(await page.inputValue('[name=password]')).toBe(password);
  expect(await page.evaluate(() => document.activeElement?.getAttribute('name'))).toBe('password');
  await context.close();
});

test('sign-in does not lead to another site', async () => {
  for (const next of [
    '//evil.test/',
    'https://evil.test/',
    '/\\evil.test',
    'javascript:alert(1)',
  ]) {
    const { context, page } = await open({
      javaScriptEnabled: false,
      path: `/sign-in?next=${encodeURIComponent(next)}`,
    });
    await signIn(page, 'anna@demo.test');
    expect(page.url()).toContain(`${stage.server.url}/o/`);
    await context.close();
  }
});

test('signing out ends the session, not only the cookie', async () => {
  const { context, page } = await newContextAs('vera@demo.test');
  const cookies = await context.cookies();
  const response = await page.request.post(`${stage.server.url}/sign-out`, {
    headers: { origin: stage.server.url, 'content-type': 'application/x-www-form-urlencoded' },
    maxRedirects: 0,
  });
  expect(response.status()).toBe(303);
  await context.addCookies(cookies);
  // The open page may be on its own way to the sign-in.
  const other = await context.newPage();
  await other.goto(`${stage.server.url}/o/demo/deals`);
  expect(new URL(other.url()).pathname).toBe('/sign-in');
  await context.close();
});

test('a form sent by a page of another site does nothing', async () => {
  const { context, page } = await newContextAs('vera@demo.test');
  for (const origin of ['https://evil.test', 'null', `${stage.server.url}.evil.test`]) {
    const answer = await page.request.post(`${stage.server.url}/sign-out`, {
      headers: { origin, 'content-type': 'application/x-www-form-urlencoded' },
      maxRedirects: 0,
    });
    expect(answer.status(), origin).toBe(403);
  }
  await page.goto(`${stage.server.url}/o/demo/deals`);
  expect(new URL(page.url()).pathname).toBe('/o/demo/deals');
  await context.close();
});

test('somebody signs up, invites by a link, and the other one shows up live', async () => {
  const { context, page } = await open({ path: '/sign-up' });
  await page.fill('[name=organization]', 'Чайная лавка');
  await page.fill('[name=name]', 'Olga');
  await page.fill('[name=email]', 'olga@example.test');
  await page.fill('[name=password]', 'a long enough one');
  await page.click('button.primary');
  await page.waitForURL('**/o/chaynaya-lavka/deals');
  await page.goto(`${stage.server.url}/o/chaynaya-lavka/settings/people`);
  await page.getByRole('button', { name: 'Invite' }).click();
  await page.getByRole('button', { name: 'Make a link' }).click();
  const link = await page.getByLabel('Link of the invitation').inputValue();
  await page.getByRole('button', { name: 'Close' }).click();

  const { context: other, page: guest } = await open({ path: new URL(link).pathname });
  expect(await guest.getByRole('heading').first().textContent()).toContain('Чайная лавка');
  await guest.fill('[name=name]', 'Pavel');
  await guest.fill('[name=email]', 'pavel@example.test');
  await guest.fill('[name=password]', 'another long one');
  await guest.click('button.primary');
  await guest.waitForURL('**/o/chaynaya-lavka/deals');
  await page.getByText('pavel@example.test').waitFor({ timeout: 2000 });

  const { context: third, page: late } = await open({ path: new URL(link).pathname });
  expect(await late.textContent('main')).toContain('The invitation has been used');
  await Promise.all([context, other, third].map((one) => one.close()));
});

test('who forgot the password gets a link from an administrator where no letters are sent', async () => {
  const { context: other, page: guest } = await open();
  await guest.getByRole('link', { name: 'Forgot the password?' }).click();
  await guest.getByText('This server sends no e-mail').waitFor();
  const { context, page } = await newContextAs('anna@demo.test');
  await page.goto(`${stage.server.url}/o/demo/settings/people`);
  const row = page.locator('li', { hasText: 'dmitry@demo.test' });
  await row.getByRole('button', { name: 'New password' }).click();
  const link = await page.getByLabel('Link for a new password').inputValue();
  await guest.goto(link);
  await guest.fill('[name=password]', 'a quite new password');
  await guest.click('button.primary');
  await guest.waitForURL('**/sign-in?email=**');
  await guest.fill('[name=password]', 'a quite new password');
  await guest.click('button.primary');
  await guest.waitForURL('**/o/demo/deals');
  await page.goto(link);
  await page.getByText('This link is good no more').waitFor();
  await Promise.all([context, other].map((one) => one.close()));
});

test('a member who is shut out loses the page that is open', async () => {
  const [anna, boris] = await Promise.all(
    ['anna@demo.test', 'boris@demo.test'].map((email) => newContextAs(email)),
  );
  if (!anna || !boris) throw new Error('Two people are needed');
  await boris.page.goto(`${stage.server.url}/o/demo/deals`);
  await boris.page.locator('[data-connection=online]').first().waitFor();
  await anna.page.goto(`${stage.server.url}/o/demo/settings/people`);
  const row = anna.page.locator('li', { hasText: 'boris@demo.test' });
  await row.getByRole('button', { name: 'Shut out' }).click();
  await boris.page.getByText('There is nothing here').first().waitFor({ timeout: 10_000 });
  await row.getByRole('button', { name: 'Let in again' }).click();
  await row.getByRole('button', { name: 'Shut out' }).waitFor();
  await Promise.all([anna, boris].map(({ context }) => context.close()));
});

test('the organizations of a person are in the switcher, and a stranger finds nothing there', async () => {
  const { context, page } = await newContextAs('anna@demo.test');
  const { result } = (await (
    await page.request.get(`${stage.server.url}/trpc/organizations.mine`, {
      headers: { 'x-syncline': '1' },
    })
  ).json()) as { result: { data: { slug: string }[] } };
  expect(result.data.length).toBeGreaterThan(1);
  const vera = await newContextAs('vera@demo.test');
  const foreign = result.data.find(({ slug }) => slug !== 'demo')?.slug ?? '';
  const answers = await Promise.all(
    [foreign, 'no-such-organization'].map((slug) =>
      vera.page.request.get(`${stage.server.url}/o/${slug}/deals`),
    ),
  );
  expect(answers.map((answer) => answer.status())).toEqual([404, 404]);
  await Promise.all([context.close(), vera.context.close()]);
});

test('the sign-in page asks for at most 80 KB of JavaScript', async () => {
  const context = await stage.browser.newContext();
  const page = await context.newPage();
  const bodies: Promise<Buffer>[] = [];
  page.on('response', (response) => {
    if (response.url().endsWith('.js')) bodies.push(response.body());
  });
  await page.goto(`${stage.server.url}/sign-in`, { waitUntil: 'networkidle' });
  const sizes = (await Promise.all(bodies)).map((body) => gzipSync(body).length);
  expect(sizes.length).toBeGreaterThan(0);
  expect(sizes.reduce((total, size) => total + size, 0)).toBeLessThan(80 * 1024);
  await context.close();
});

test('the board asks for at most 150 KB of JavaScript at first', async () => {
  const { context, page } = await newContextAs('anna@demo.test');
  const bodies: Promise<Buffer>[] = [];
  page.on('response', (response) => {
    if (response.url().endsWith('.js')) bodies.push(response.body());
  });
  await page.goto(`${stage.server.url}/o/demo/deals`, { waitUntil: 'networkidle' });
  const sizes = (await Promise.all(bodies)).map((body) => gzipSync(body).length);
  expect(sizes.length).toBeGreaterThan(0);
  expect(sizes.reduce((total, size) => total + size, 0)).toBeLessThan(150 * 1024);
  await context.close();
});

test('pages carry a strict policy, no session secret, and the language of the reader', async () => {
  const { context, page } = await newContextAs('anna@demo.test');
  const response = await page.request.get(`${stage.server.url}/o/demo/settings/account`);
  const headers = response.headers();
  expect(headers['content-security-policy']).toContain("default-src 'self'");
  expect(headers['content-security-policy']).not.toMatch(/script-src[^;]*unsafe/);
  expect(headers).toMatchObject({
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'referrer-policy': 'same-origin',
  });
  const html = await response.text();
  const cookies = await context.cookies();
  for (const { value } of cookies.filter(({ name }) => /^syncline/.test(name))) {
    expect(html).not.toContain(value);
  }
  expect(html).toContain('<html lang="en" data-theme="light">');
  await context.close();
});

const looks = [
  { theme: 'light', width: 1440 },
  { theme: 'dark', width: 390 },
];
test.each(looks)(
  'no page of accounts breaks an axe rule ($theme, $width)',
  async (look) => {
    const options = {
      theme: look.theme,
      locale: 'ru',
      viewport: { width: look.width, height: 900 },
    };
    const { context, page } = await open(options);
    const found: string[] = [];
    const examine = async (path: string) => {
      await page.goto(stage.server.url + path);
      await page.locator('h1').last().waitFor();
      await page.waitForTimeout(300);
      const { violations } = await new AxeBuilder({ page }).analyze();
      const width = await page.evaluate(() => document.documentElement.scrollWidth);
      if (width > look.width) found.push(`${path} is ${width} wide`);
      for (const { id, nodes } of violations) found.push(`${path} ${id} ${nodes[0]?.html ?? ''}`);
    };
    const gates = [
      'sign-in',
      'sign-up',
      'invite/unknown',
      'forgot-password',
      'reset-password/unknown',
    ];
    for (const path of [...gates, 'verify-email/unknown']) await examine(`/${path}`);
    await page.goto(`${stage.server.url}/sign-in`);
    await signIn(page, 'anna@demo.test');
    await page.waitForURL('**/deals');
    for (const tab of ['account', 'people', 'roles', 'pipelines', 'organization', 'audit']) {
      await examine(`/o/demo/settings/${tab}`);
      const open = page.locator('.settings-head [aria-current]');
      const isWhole = () =>
        open.evaluate((one) => {
          const { left, right } = one.getBoundingClientRect();
          return left >= 0 && right <= innerWidth;
        });
      await expect.poll(isWhole).toBe(true);
    }
    await examine('/change-password');
    expect(found).toEqual([]);
    await context.close();
  },
  180_000,
);
