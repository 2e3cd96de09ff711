// Bounded waiting for something that happens soon.
import { setTimeout as sleep } from "node:timers/promises";

/**
 * Calls `probe` until it returns something truthy, which is returned. A probe that throws is asked again. After
 * `seconds` the error says what was awaited and what the last try saw. `unless` is a promise whose rejection ends
 * the waiting at once, for example that of a process which has to be alive.
 */
export async function eventually(what, probe, { seconds = 20, everyMs = 50, unless } = {}) {
  const end = Date.now() + seconds * 1000;
  let last;
  for (;;) {
    try {
      last = await probe();
      if (last) return last;
    } catch (error) {
      last = error;
    }
    if (Date.now() > end) break;
    await (unless ? Promise.race([sleep(everyMs), unless]) : sleep(everyMs));
  }
  const seen = last instanceof Error ? (last.stack ?? last.message) : JSON.stringify(last);
  throw new Error(`after ${seconds} s there is still not: ${what}\nlast try: ${seen}`);
}

/** Waits for `ms` and then insists that `probe` still holds: for things that must not happen. */
export async function stays(what, probe, { ms = 700 } = {}) {
  await sleep(ms);
  if (!(await probe())) throw new Error(`did not stay so: ${what}`);
}
