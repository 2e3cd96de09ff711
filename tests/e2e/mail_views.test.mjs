// What mails look like in a browser: the example project's, one of every block in the default layout, and MJML; light
// and dark, narrow and wide. Screenshots are left in artifacts/mails.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";

import { chromium } from "playwright-core";

import { collab, root, startServer } from "./harness/server.mjs";

const BROWSER = process.env.CHROMIUM_BIN ?? "/usr/bin/chromium";
const shots = join(root, "tests/e2e/artifacts/mails");
// Where mails are shown; a blank page has a background of its own.
const ADDRESS = "https://mail.test/";
const SCHEMES = ["light", "dark"];
const WIDTHS = [375, 800];
// What WCAG asks of large text; less is hard to read for everybody.
const CONTRAST_MIN = 3;

const BRANDING = {
  primary_color: "#1144aa",
  primary_color_contrast: "#fffff0",
  dark_primary_color: "#99bbff",
  dark_primary_color_contrast: "#001122",
};
const DATA = {
  recipient: { id: "ada", name: "Ada Łovelace", email: "ada@collab.example" },
  actor: { id: "alan", name: "Alan" },
  vars: { app_name: "Collab", branding: BRANDING },
  data: {
    comment: "Is this right?\nI would rather say that the third quarter was the best one so far.",
    document: "Q3 plan",
    url: "https://collab.example/d/7",
    mention: true,
    invoice: {
      number: "2026-0042",
      total: "€ 120.00",
      lines: [
        { description: "Team plan, twelve seats, March 2026", amount: "€ 96.00" },
        { description: "Storage", amount: "€ 24.00" },
      ],
    },
  },
};

const BLOCKS = [
  { type: "markdown", content: "# Hi {{ recipient.name }}\n\nSomething **happened** in [a document]({{ data.url }}), see `code`:\n\n- one\n- two\n\n| Item | Amount |\n|---|---|\n| Tea | 2 |" },
  {
    type: "button_set",
    buttons: [
      { label: "Open it", action: "{{ data.url }}", variant: "solid", size_attrs: { size: "md", is_fullwidth: false } },
      { label: "Not now", action: "https://collab.example/later", variant: "outline", size_attrs: { size: "md", is_fullwidth: false } },
    ],
  },
  { type: "divider" },
  { type: "image", url: "https://collab.example/wide.png", alt: "A wide picture", action: "{{ data.url }}" },
  { type: "html", content: "<p>Plain <em>HTML</em> of the author.</p>" },
  { type: "button_set", buttons: [{ label: "All of it", action: "https://collab.example/all", variant: "solid", size_attrs: { size: "lg", is_fullwidth: true } }] },
];
const MJML =
  "<mjml><mj-body><mj-section><mj-column><mj-text>Hi {{ recipient.name }}</mj-text><mj-button href=\"{{ data.url }}\">Open it</mj-button></mj-column>" +
  "<mj-column><mj-text>Second column of a mail</mj-text></mj-column></mj-section></mj-body></mjml>";

/** Bodies of the example project's mails, as `campanile render` shows them in their layout. */
function exampleMails() {
  const folder = mkdtempSync(join(tmpdir(), "campanile-mails-"));
  try {
    const data = join(folder, "data.json");
    writeFileSync(data, JSON.stringify(DATA));
    const mails = [];
    for (const workflow of readdirSync(join(collab, "workflows"))) {
      for (const step of readdirSync(join(collab, "workflows", workflow), { withFileTypes: true })) {
        const body = join(collab, "workflows", workflow, step.name, "html_body.html");
        if (!step.isDirectory() || !existsSync(body)) continue;
        const told = execFileSync(process.env.CAMPANILE_BIN, ["render", body, "--data", data, "--json"], { encoding: "utf8" });
        const { text, warnings } = JSON.parse(told);
        assert.deepEqual(warnings, [], `${workflow} lacks something`);
        mails.push({ name: `${workflow}-${step.name}`, html: text, words: ["Ada Łovelace", "Collab"] });
      }
    }
    return mails;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Mails of a server: blocks in the layout that every account has, and a whole MJML document. */
async function serverMails() {
  const server = await startServer();
  try {
    await server.manage("PUT", "/v1/admin/branding", { branding: BRANDING });
    await server.manage("PUT", "/v1/admin/variables/app_name", { value: "Collab" });
    const mails = [];
    for (const [name, template, words] of [
      ["blocks", { visual_blocks: BLOCKS, preview_text: "Only shown in lists", settings: { layout_key: "default" } }, ["Hi Ada Łovelace", "Not now", "Plain HTML", "Tea"]],
      ["mjml", { html_body: MJML, is_mjml: true }, ["Hi Ada Łovelace", "Open it", "Second column"]],
    ]) {
      await server.publish(name, {
        steps: [{ ref: "email_1", type: "channel", channel_key: "email", template: { subject: "Mail", ...template } }],
      });
      const { workflow_run_id } = await server.knock.workflows.trigger(name, { recipients: [DATA.recipient], data: { url: DATA.data.url } });
      const [message] = await server.messagesOf(workflow_run_id, 1);
      const content = await server.knock.messages.getContent(message.id);
      mails.push({ name, html: content.data.html_body, words });
    }
    return mails;
  } finally {
    await server.stop();
  }
}

/** Everything that is asked of a page, in the browser. */
function look() {
  const rgb = (color) => color.match(/[\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => {
    const part = (value) => (value / 255 <= 0.03928 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4);
    return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  };
  const background = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = rgb(getComputedStyle(at).backgroundColor);
      if (color.length < 4 || color[3] > 0) return color;
    }
    const isDark = getComputedStyle(document.documentElement).colorScheme.includes("dark") && matchMedia("(prefers-color-scheme: dark)").matches;
    return isDark ? [18, 18, 18] : [255, 255, 255];
  };
  const faint = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = texts.nextNode(); node; node = texts.nextNode()) {
    const element = node.parentElement;
    if (!node.data.trim() || !element.checkVisibility()) continue;
    const [a, b] = [rgb(getComputedStyle(element).color), background(element)].map(luminance).sort((x, y) => y - x);
    faint.push({ text: node.data.trim(), contrast: (a + 0.05) / (b + 0.05) });
  }
  const buttons = [...document.querySelectorAll(".block-button")].map((button) => {
    const style = getComputedStyle(button);
    return {
      label: button.textContent,
      background: style.backgroundColor,
      color: style.color,
      border: style.borderTopColor,
      borderStyle: style.borderTopStyle,
      width: button.getBoundingClientRect().width,
      height: button.getBoundingClientRect().height,
    };
  });
  return {
    mode: document.compatMode,
    text: document.body.innerText,
    width: document.documentElement.scrollWidth,
    emptySheets: [...document.querySelectorAll("style")].filter((style) => style.sheet.cssRules.length === 0).length,
    faint,
    buttons,
  };
}

const css = (hex) => `rgb(${[1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16)).join(", ")})`;

/** The colours of T7.10. */
function checkButtons(buttons, scheme) {
  const dark = scheme === "dark" ? "dark_" : "";
  const [primary, contrast] = [css(BRANDING[`${dark}primary_color`]), css(BRANDING[`${dark}primary_color_contrast`])];
  assert.deepEqual(buttons.map((button) => button.label), ["Open it", "Not now", "All of it"]);
  for (const { label, background, color, border, borderStyle, height } of buttons) {
    const seen = label === "Not now" ? { background, color, border, borderStyle } : { background, color };
    const wanted =
      label === "Not now"
        ? { background: "rgba(0, 0, 0, 0)", color: primary, border: primary, borderStyle: "solid" }
        : { background: primary, color: contrast };
    assert.deepEqual(seen, wanted, `${label}, ${scheme}`);
    assert.ok(height >= 30, `${label} is ${height} px high`);
  }
}

describe("mails in a browser", () => {
  let browser;
  let mails = [];
  before(async () => {
    assert.ok(existsSync(BROWSER), `${BROWSER} is missing: scripts/install.sh installs Chromium, or CHROMIUM_BIN names one`);
    rmSync(shots, { recursive: true, force: true });
    mkdirSync(shots, { recursive: true });
    browser = await chromium.launch({ executablePath: BROWSER, args: ["--no-sandbox"] });
    mails = [...exampleMails(), ...(await serverMails())];
  });
  after(() => browser?.close());

  it("has something to show", () => {
    const names = mails.map((mail) => mail.name);
    assert.deepEqual(names, ["invoice-paid-email_1", "mention-email_1", "new-comment-email_1", "blocks", "mjml"]);
    for (const { name, html } of mails) assert.doesNotMatch(html, /\{\{|\{%|<mj-/u, `${name} is not rendered whole`);
  });

  for (const scheme of SCHEMES) {
    for (const width of WIDTHS) {
      it(`${scheme}, ${width} px wide`, async () => {
        const context = await browser.newContext({ colorScheme: scheme, viewport: { width, height: 800 } });
        for (const { name, html, words } of mails) {
          const at = `${name}, ${scheme}, ${width} px`;
          // A page of its own: what one mail says of its colour scheme stays with the page.
          const page = await context.newPage();
          // Mails are looked at without the network: nothing that they need may come from there.
          await page.route("**/*", (route) =>
            route.request().url() === ADDRESS ? route.fulfill({ contentType: "text/html; charset=utf-8", body: html }) : route.abort(),
          );
          await page.goto(ADDRESS, { waitUntil: "domcontentloaded" });
          await page.screenshot({ path: join(shots, `${name}-${scheme}-${width}.png`), fullPage: true });
          const seen = await page.evaluate(look);
          assert.equal(seen.mode, "CSS1Compat", `${at}: the doctype is lost`);
          assert.ok(seen.width <= width, `${at}: ${seen.width} px are needed`);
          for (const word of words) assert.ok(seen.text.includes(word), `${at}: ${word} is not in ${seen.text}`);
          assert.ok(!seen.text.includes("Only shown in lists"), `${at}: the preview text is shown`);
          assert.equal(seen.emptySheets, 0, `${at}: a style sheet has no rules`);
          const faint = seen.faint.filter(({ contrast }) => contrast < CONTRAST_MIN);
          assert.deepEqual(faint, [], `${at}: too faint to read`);
          if (name === "blocks") checkButtons(seen.buttons, scheme);
          await page.close();
        }
        await context.close();
      });
    }
  }
});
