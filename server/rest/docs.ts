import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { openApi } from './openapi.ts';
import type { Operation } from './operations.ts';

const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

interface Page {
  type: string;
  text: string;
}

/** The document of the API and the page that calls can be tried in. Answers whether the path was its own. */
export function createDocs(operations: Operation[]) {
  const file = (name: string, type: string): Page => ({
    type,
    text: readFileSync(new URL(`docs/${name}`, import.meta.url), 'utf8'),
  });
  const pages: Record<string, Page> = {
    '/openapi.json': { type: 'application/json', text: JSON.stringify(openApi(operations)) },
    '/docs': file('page.html', 'text/html'),
    '/docs/page.js': file('page.js', 'text/javascript'),
    '/docs/page.css': file('page.css', 'text/css'),
  };
  return (path: string, response: ServerResponse, { method }: IncomingMessage): boolean => {
    const page = Object.hasOwn(pages, path) ? pages[path] : undefined;
    if (!page) return false;
    response.writeHead(200, {
      'content-type': `${page.type}; charset=utf-8`,
      'content-length': Buffer.byteLength(page.text),
      'content-security-policy': policy,
      'referrer-policy': 'no-referrer',
    });
    response.end(method === 'HEAD' ? undefined : page.text);
    return true;
  };
}
