// The server the pages are tested against: the one at FOODCOURT_URL, or one of our own in a folder that is thrown away.

import { spawn } from 'node:child_process';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

export const BINARY = process.env.PAGES_SERVER ?? path.resolve(import.meta.dirname, '../../target/debug/foodcourt');
const START_MS = 120_000;
const STOP_MS = 30_000;

/** Resolves with `{url, stop}` once the server is ready to take orders. `env` is laid over ours; `first` happens to its folder before. */
export async function startServer(env = {}, first = async () => undefined) {
  if (process.env.FOODCOURT_URL) return { url: process.env.FOODCOURT_URL.replace(/\/$/, ''), stop: async () => undefined };
  const folder = await mkdtemp(path.join(tmpdir(), 'foodcourt-browser-'));
  // PostgreSQL does not run as root; its own user must be able to walk into the folder.
  await chmod(folder, 0o755);
  await first(folder);
  const child = spawn(BINARY, ['serve', '--port', '0', '--data-dir', folder], { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  let said = '';
  const url = await new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`the server did not say its address in time:\n${said}`)), START_MS);
    const listen = (chunk) => {
      said += chunk;
      const found = /http:\/\/127\.0\.0\.1:(\d+)/.exec(said);
      if (!found) return;
      clearTimeout(late);
      resolve(found[0]);
    };
    child.stdout.on('data', listen);
    child.stderr.on('data', listen);
    const give = (error) => {
      clearTimeout(late);
      reject(error);
    };
    child.once('error', give);
    child.once('exit', (code) => give(new Error(`the server ended with ${code}:\n${said}`)));
  }).catch(async (error) => {
    child.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
    throw error;
  });
  const deadline = Date.now() + START_MS;
  while (!(await fetch(`${url}/readyz`).then((answer) => answer.ok, () => false))) {
    if (Date.now() > deadline) throw new Error(`the server never became ready:\n${said}`);
    await new Promise((resume) => setTimeout(resume, 100));
  }
  return {
    url,
    stop: async () => {
      child.kill('SIGTERM');
      // Cleared, or it would keep the whole test process waiting.
      const late = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
      await exited;
      clearTimeout(late);
      await rm(folder, { recursive: true, force: true });
    },
  };
}
