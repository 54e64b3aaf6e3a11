// The browser test of /docs: the page lists every operation, and each works from it with the example that stands
// there. Nothing else in the tests sees what the page makes of the API's description.
//
//     tests/docs-page/run [path-to-local-binary]

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { openSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { createInterface } from 'node:readline';
import test from 'node:test';

const [LOCAL, CHROMIUM, WORK] = process.argv.slice(2);

// Every operation once, in an order in which each finds what it needs: where it is, the status of its answer, and
// what the page shows of the answer's body.
const CALLS = [
  { operation: 'create-order', route: 'POST /orders', status: 201, shows: ['"id": "1234ABCG"', '"price": 78.89,'] },
  { operation: 'get-order', route: 'GET /orders/{id}', status: 200, shows: ['"id": "1234ABCG"', '"price": 78.89,'] },
  { operation: 'list-orders', route: 'GET /orders', status: 200, shows: ['"id": "1234ABCG"', '"price": 78.89,'] },
  { operation: 'replace-order', route: 'PUT /orders/{id}', status: 200, shows: ['"price": 68.5,', '"size": "M"'] },
  { operation: 'update-order', route: 'PATCH /orders/{id}', status: 200, shows: ['"price": 59.9,', '"wrap": true'] },
  { operation: 'delete-order', route: 'DELETE /orders/{id}', status: 204, shows: [] },
  { operation: 'envelope', route: 'POST /', status: 200, shows: ['"HTTPStatusCode": 200'] },
  { operation: 'echo', route: 'POST /echo', status: 200, shows: ['"exact": 78.89,'] },
  { operation: 'ping', route: 'GET /ping', status: 200, shows: ['"message": "pong"'] },
];

const OPERATIONS = new URL('../../functions/', import.meta.url);
const PAGE_PICTURE = path.join(WORK, 'docs.png');
const CREATE_PICTURE = path.join(WORK, 'create-order.png');
const SERVER_LOG = path.join(WORK, 'server.log');

// Bounds, not expectations: what they bound takes a fraction of them.
const START_MS = 30_000;
const STEP_MS = 30_000;
const STOP_MS = 15_000; // The server itself gives requests under way 10 seconds.
const ALL_MS = 400_000;

// Packages are not beside this file, where an import would look for them.
const { chromium } = createRequire(path.join(WORK, 'package.json'))('playwright-core');

// A signal ends the process the usual way, with what is done at its exit; so does a hang.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(1));
setTimeout(() => {
  console.error(`not finished in ${ALL_MS} ms`);
  process.exit(1);
}, ALL_MS).unref();

test('the page at /docs', async (t) => {
  // Pictures of an earlier run would pass for this one's.
  for (const picture of [PAGE_PICTURE, CREATE_PICTURE]) rmSync(picture, { force: true });

  const server = await startServer();
  let browser;
  try {
    browser = await startBrowser();
    const page = await browser.newPage({ viewport: { width: 1280, height: 1400 } });
    page.setDefaultTimeout(STEP_MS);
    const watched = watch(page, new URL(server.url).origin);

    await page.goto(`${server.url}/docs`);
    await page.locator('.opblock').first().waitFor();
    await page.screenshot({ path: PAGE_PICTURE, fullPage: true });

    await t.test('lists every operation and no other', async () => {
      const listed = await listedOperations(page);
      const tried = CALLS.map(({ operation, route }) => ({ operation, route }));
      assert.deepEqual(listed.map(({ operation }) => operation).sort(), readdirSync(OPERATIONS).sort());
      assert.deepEqual(listed.sort(byOperation), tried.sort(byOperation));
    });
    for (const call of CALLS) {
      await t.test(`${call.operation} works with its example`, () => execute(page, call));
    }
    // Last, so that they speak of the operations too.
    await t.test('asks no other host for anything', () => assert.deepEqual(watched.strangers, []));
    await t.test('reports no error', () => assert.deepEqual(watched.errors, []));
    await t.test('asks no other host under another name either', () => openUnderAnotherName(browser, server.url));
  } finally {
    await browser?.close();
    await server.stop();
  }
});

/** The server on a free port, once it says where it listens. */
async function startServer() {
  const child = spawn(LOCAL, ['--memory', '--port', '0'], { stdio: ['ignore', 'pipe', openSync(SERVER_LOG, 'w')] });
  const ended = new Promise((resolve) => {
    child.once('error', (error) => resolve(`can't be run: ${error.message}`));
    child.once('exit', (code, signal) => resolve(signal ?? code));
  });
  // Whatever ends this process, the server does not outlive it.
  process.once('exit', () => child.kill('SIGKILL'));

  const listening = new Promise((resolve) => {
    // Goes on reading after the line, so that the server never waits for a full pipe.
    createInterface({ input: child.stdout }).on('line', (line) => {
      const url = /^listening on (http:\/\/127\.0\.0\.1:\d+)$/.exec(line)?.[1];
      if (url) resolve(url);
    });
  });
  const failed = ended.then((how) => {
    throw new Error(`the server ended (${how}): ${readFileSync(SERVER_LOG)}`);
  });
  // An end after the race is not an error.
  failed.catch(() => {});
  try {
    const url = await within(START_MS, 'the server to listen', Promise.race([listening, failed]));
    return { url, stop };
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }

  async function stop() {
    child.kill('SIGTERM');
    try {
      assert.equal(await within(STOP_MS, 'the server to stop', ended), 0, 'the server ends in order');
    } finally {
      child.kill('SIGKILL');
    }
  }
}

/** Chromium without a window, with a new and empty profile, which Playwright removes at its end. */
function startBrowser() {
  return chromium.launch({
    executablePath: CHROMIUM,
    headless: true,
    timeout: START_MS,
    args: [
      '--no-sandbox', // In a container there is often none to be had; the only page is our own.
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      // The browser's own requests.
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      // A page that needs another host must fail where there is a network, too.
      '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
    ],
  });
}

/** What a user would not see: requests to other hosts, and errors. */
function watch(page, origin) {
  const strangers = [];
  const errors = [];
  page.on('request', (request) => {
    const url = new URL(request.url());
    // `data:` and `blob:` are in the page.
    if (/^(https?|wss?):$/.test(url.protocol) && url.origin !== origin) strangers.push(url.href);
  });
  page.on('websocket', (socket) => strangers.push(socket.url()));
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(`${message.text()} (${message.location().url})`);
  });
  page.on('pageerror', (error) => errors.push(String(error)));
  page.on('requestfailed', (request) => errors.push(`${request.url()}: ${request.failure()?.errorText}`));
  return { strangers, errors };
}

/** The operations that the page lists, by their names in the API's description. */
function listedOperations(page) {
  return page.locator('.opblock').evaluateAll((blocks) =>
    blocks.map((block) => {
      const tag = block.closest('.opblock-tag-section').querySelector('[data-tag]').dataset.tag;
      const method = block.querySelector('.opblock-summary-method').textContent;
      const route = block.querySelector('[data-path]').dataset.path;
      return { operation: block.id.replace(`operations-${tag}-`, ''), route: `${method} ${route}` };
    }),
  );
}

/** Opens an operation, executes it as it stands, and looks at what the page shows of the answer. */
async function execute(page, { operation, status, shows }) {
  const block = page.locator(`.opblock[id$="-${operation}"]`);
  await block.locator('.opblock-summary-control').click();
  await block.getByRole('button', { name: 'Execute', exact: true }).click();

  const answer = block.locator('.live-responses-table .response').first();
  try {
    await answer.waitFor();
  } catch (error) {
    // The page sends nothing while it finds a parameter or the body wrong, and only marks it.
    const marked = await block.locator('.invalid').evaluateAll((fields) => fields.map((field) => field.outerHTML));
    throw new Error(`no answer in the page; marked as invalid: ${marked.join(', ') || 'nothing'}`, { cause: error });
  }
  const text = await answer.innerText();
  const shown = await answer.locator('.response-col_status').innerText();
  if (operation === 'create-order') {
    await block.evaluate((element) => element.scrollIntoView());
    await page.screenshot({ path: CREATE_PICTURE });
  }
  assert.equal(shown.trim().split(/\s/)[0], String(status), text);
  for (const part of shows) assert.ok(text.includes(part), `${part} is not in: ${text}`);

  // Closed again: what is open slows the page down.
  await block.locator('.opblock-summary-control').click();
}

/**
 * Opens the page as somebody on another machine would, where Swagger UI does more: unless it is told not to, it sends
 * the address of a description that is not on a loopback host to a validator on the internet, and shows its verdict.
 */
async function openUnderAnotherName(browser, url) {
  const name = 'http://orders.example';
  const page = await browser.newPage();
  page.setDefaultTimeout(STEP_MS);
  const { strangers } = watch(page, name);
  // The name leads to the server without a resolver, and without a server that listens beyond loopback.
  await page.route(`${name}/**`, async (route) => {
    const response = await route.fetch({ url: route.request().url().replace(name, url) });
    await route.fulfill({ response });
  });
  await page.goto(`${name}/docs/`);
  await page.locator('.opblock').first().waitFor();
  await page.waitForLoadState('networkidle');
  assert.deepEqual(strangers, []);
}

function byOperation(one, other) {
  return one.operation < other.operation ? -1 : 1;
}

/** What is promised, or an error once it took too long. */
async function within(ms, what, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${ms} ms for ${what}`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
