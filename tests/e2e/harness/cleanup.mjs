// For tests that start several things: whatever was started is stopped, last first, also when the next start fails.

/** Runs `body(defer)`; every function given to `defer` runs at the end, whatever happened. */
export async function withCleanup(body) {
  const steps = [];
  try {
    return await body((step) => steps.push(step));
  } finally {
    for (const step of steps.reverse()) await step();
  }
}
