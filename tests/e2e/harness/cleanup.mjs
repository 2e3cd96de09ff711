// For tests that start several things: whatever was started is stopped, last first, also when the next start fails.

/** Runs `body(defer)`; every function given to `defer` runs at the end, whatever happened, and the first error is thrown. */
export async function withCleanup(body) {
  const steps = [];
  const errors = [];
  let result;
  try {
    result = await body((step) => steps.push(step));
  } catch (error) {
    errors.push(error);
  }
  for (const step of steps.reverse()) {
    // A step that fails must hide neither the reason nor the other steps: what is left running holds up the whole run.
    try {
      await step();
    } catch (error) {
      errors.push(error);
    }
  }
  for (const further of errors.slice(1)) console.error("while cleaning up:", further);
  if (errors.length > 0) throw errors[0];
  return result;
}
