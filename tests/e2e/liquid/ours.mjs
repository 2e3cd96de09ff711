// Our Liquid as one long-lived process: a JSON line in, a JSON line out.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

export class Ours {
  #process;
  #waiting = [];

  constructor(binary) {
    this.#process = spawn(binary, ["render", "--lines", "--now", "2024-01-31T12:00:00Z"], { stdio: ["pipe", "pipe", "inherit"] });
    createInterface({ input: this.#process.stdout }).on("line", (line) => this.#waiting.shift().resolve(JSON.parse(line)));
    this.#process.on("exit", (code) => this.#waiting.forEach(({ reject }) => reject(new Error(`campanile render ended with ${code}`))));
  }

  // Resolves to {text} or {error: {stage, line, column, message}}.
  render(template, data) {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#process.stdin.write(`${JSON.stringify({ template, data })}\n`);
    });
  }

  close() {
    this.#process.stdin.end();
  }
}
