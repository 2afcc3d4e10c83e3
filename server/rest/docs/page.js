const base = '/api/v1';
const caller = document.getElementById('caller');
const list = document.getElementById('operations');

const described = await (await fetch(`${base}/openapi.json`)).json();
document.getElementById('about').textContent = described.info.description;
show();
caller.elements.find.addEventListener('input', show);
caller.addEventListener('submit', (event) => event.preventDefault());

function show() {
  const words = caller.elements.find.value.toLowerCase().split(/\s+/).filter(Boolean);
  const groups = new Map(described.tags.map(({ name }) => [name, []]));
  for (const [path, methods] of Object.entries(described.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      const text = `${method} ${path} ${operation.summary}`.toLowerCase();
      if (!words.every((word) => text.includes(word))) continue;
      groups.get(operation.tags[0]).push({ path, method: method.toUpperCase(), operation });
    }
  }
  list.replaceChildren(
    ...[...groups].flatMap(([name, found]) =>
      found.length === 0 ? [] : [element('h2', name), ...found.map(card)],
    ),
  );
}

function card({ path, method, operation }) {
  const details = document.createElement('details');
  const summary = document.createElement('summary');
  const verb = element('code', method);
  verb.className = 'method';
  summary.append(verb, element('code', path), ' ', element('span', operation.summary));
  details.append(summary);
  details.addEventListener('toggle', () => fill(details, { path, method, operation }), {
    once: true,
  });
  return details;
}

function fill(details, { path, method, operation }) {
  const form = document.createElement('form');
  const fields = document.createElement('div');
  fields.className = 'fields';
  for (const { name, in: place, required } of operation.parameters) {
    fields.append(field(`${name}${required ? ' *' : ''}`, input(`${place}:${name}`)));
  }
  form.append(fields);
  const schema = operation.requestBody?.content['application/json'].schema;
  if (schema) {
    const body = document.createElement('textarea');
    body.name = 'body';
    body.value = JSON.stringify(example(schema), null, 2);
    form.append(field('Body', body));
  }
  const answer = document.createElement('pre');
  answer.hidden = true;
  answer.tabIndex = 0;
  form.append(element('button', 'Send'), answer);
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    answer.hidden = false;
    answer.textContent = 'Sending';
    answer.textContent = await call({ path, method }, form).catch(String);
  });
  const inside = document.createElement('div');
  inside.append(form);
  details.append(inside);
}

async function call({ path, method }, form) {
  const query = new URLSearchParams();
  let url = base + path;
  for (const [key, value] of new FormData(form)) {
    const [place, name] = key.split(':');
    if (place === 'path') url = url.replace(`{${name}}`, encodeURIComponent(value));
    if (place === 'query' && value !== '') query.set(name, value);
  }
  const { token, organization } = caller.elements;
  const headers = { 'x-syncline': '1' };
  const shown = token.value.trim();
  if (shown.startsWith('syncline_')) headers['x-api-key'] = shown;
  else if (shown) headers.authorization = `Bearer ${shown}`;
  if (organization.value) headers['x-organization'] = organization.value.trim();
  const body = form.elements.body?.value;
  if (body) headers['content-type'] = 'application/json';
  const response = await fetch(query.size ? `${url}?${query}` : url, {
    method,
    headers,
    ...(body ? { body } : {}),
  });
  const text = await response.text();
  const told = text && /json/.test(response.headers.get('content-type')) ? pretty(text) : text;
  return `${response.status} ${response.statusText}\n\n${told}`;
}

const pretty = (text) => JSON.stringify(JSON.parse(text), null, 2);

function example({ properties, required = [] }) {
  return Object.fromEntries(required.map((name) => [name, sample(properties[name])]));
}

function sample(schema) {
  const [first = schema] = schema.anyOf ?? [];
  if (first.$ref) return { amount: '1200.50', currency: 'RUB' };
  if (first.enum) return first.enum[0];
  return { integer: 1, boolean: true, array: [] }[[first.type].flat()[0]] ?? '';
}

function field(name, control) {
  const label = element('label', name);
  label.append(control);
  return label;
}

function input(name) {
  const made = document.createElement('input');
  made.name = name;
  return made;
}

function element(tag, text) {
  const made = document.createElement(tag);
  made.textContent = text;
  return made;
}
