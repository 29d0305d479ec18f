// Starts the built `footfall` on free ports and an empty data directory, with its demonstration site or with a configuration
// of the test's own, and asks its ClickHouse.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const START_MS = 120_000;
const STOP_MS = 30_000;
const PARTS = ['collector', 'clickhouse', 'admin'];

function binary() {
  const built = fileURLToPath(new URL('../../target', import.meta.url));
  const path = process.env.FOOTFALL_BIN ?? join(process.env.CARGO_TARGET_DIR ?? built, 'debug/footfall');
  if (!existsSync(path)) throw new Error(`${path} is missing: run "cargo build" or set FOOTFALL_BIN`);
  return path;
}

/** Starts the program; resolves when it has printed the addresses of its parts and `ready`. */
export async function startFootfall(configuration) {
  const data = await mkdtemp(join(tmpdir(), 'footfall-browser-'));
  const file = join(data, 'footfall.toml');
  if (configuration) await writeFile(file, configuration);
  const anyPort = '127.0.0.1:0';
  const child = spawn(
    binary(),
    ['up', ...(configuration ? ['--config', file] : ['--demo']), '--data', join(data, 'data'), '--listen', anyPort, '--clickhouse', anyPort, '--admin', anyPort],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const errors = [];
  child.stderr.on('data', (chunk) => errors.push(chunk));
  try {
    const addresses = await addressesOf(child, configuration ? PARTS : [...PARTS, 'demo']);
    return new Footfall(child, data, addresses);
  } catch (error) {
    child.kill('SIGKILL');
    await rm(data, { recursive: true, force: true });
    throw new Error(`footfall did not start: ${error.message}\n${Buffer.concat(errors)}`);
  }
}

/** Reads lines such as `demo http://127.0.0.1:PORT/` up to `ready`. */
function addressesOf(child, parts) {
  return new Promise((resolve, reject) => {
    const addresses = {};
    const timer = setTimeout(() => reject(new Error(`not ready within ${START_MS} ms`)), START_MS);
    const settle = (act, value) => { clearTimeout(timer); act(value); };
    child.once('error', (error) => settle(reject, error));
    child.once('exit', (code, signal) => settle(reject, new Error(`it ended with ${code ?? signal}`)));
    createInterface({ input: child.stdout }).on('line', (line) => {
      const [, part, url] = line.match(/^(\w+) (https?:\/\/\S+?)\/?$/) ?? [];
      if (part) addresses[part] = url;
      if (line.trim() !== 'ready') return;
      const missing = parts.filter((name) => !addresses[name]);
      if (missing.length) settle(reject, new Error(`no address of ${missing.join(', ')} was printed`));
      else settle(resolve, addresses);
    });
  });
}

class Footfall {
  #child;
  #data;

  constructor(child, data, { collector, clickhouse, admin, demo }) {
    this.#child = child;
    this.#data = data;
    Object.assign(this, { collector, clickhouse, admin, demo });
  }

  /** Rows of a query, which must end in `FORMAT JSONEachRow`. */
  async query(sql) {
    const response = await fetch(this.clickhouse, { method: 'POST', body: sql });
    const body = await response.text();
    if (!response.ok) throw new Error(`${response.status} for ${sql}\n${body}`);
    return body.split('\n').filter(Boolean).map((line) => JSON.parse(line));
  }

  /** Views of a page of the demonstration site by people, without those of the imported sample log. */
  async viewRows(page) {
    return this.query(`
      SELECT page, browser, os, device, language, toInt64(views) AS views
      FROM footfall.open_hits FINAL
      WHERE kind = 'view' AND page = '${page}' AND local_day >= today() - 1
      FORMAT JSONEachRow`);
  }

  async views(page) {
    const rows = await this.viewRows(page);
    return rows.reduce((sum, row) => sum + Number(row.views), 0);
  }

  /** How often something happened for want of consent, or was chosen, since the start: `{ unasked: 1, chose_refusal: 0 }`. */
  async outcomes() {
    const metrics = await (await fetch(`${this.admin}/metrics`)).text();
    const lines = metrics.matchAll(/^footfall_collector_consent_total\{reason="(\w+)"\} (\d+)/gm);
    return Object.fromEntries([...lines].map(([, reason, count]) => [reason, Number(count)]));
  }

  async stop() {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const ended = once(this.#child, 'exit');
      this.#child.kill('SIGTERM');
      const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_MS);
      await ended;
      clearTimeout(timer);
    }
    await rm(this.#data, { recursive: true, force: true });
  }
}
