// Workflow documents that several tests publish.

export const feedStep = {
  ref: "feed_1",
  type: "channel",
  channel_key: "in-app-feed",
  template: {
    markdown_body: "**{{ actor.name | default: 'Someone' }}** wrote to {{ recipient.name }}: {{ data.text }}",
    action_url: "https://collab.example/d/{{ data.id }}",
  },
};

/** One feed item for each recipient. */
export const feedWorkflow = { steps: [feedStep] };

/** A feed item after `value` `unit`s. */
export function delayed(unit, value) {
  const delay = { ref: "delay_1", type: "delay", settings: { delay_for: { unit, value } } };
  return { steps: [delay, feedStep] };
}
