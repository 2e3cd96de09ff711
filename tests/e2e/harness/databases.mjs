// The databases that every test runs on: SQLite always, PostgreSQL when there is one.
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, readdirSync } from "node:fs";

/** Entries of `{name, create}`; `create` makes an empty database and returns its URL, or nothing for SQLite. */
export function databases() {
  const list = [{ name: "SQLite", create: () => undefined }];
  const cluster = process.env.CAMPANILE_TEST_DATABASE_URL;
  if (cluster) list.push({ name: "PostgreSQL", create: () => createDatabase(cluster) });
  return list;
}

/** SQLite alone, for tests that are not about storage. */
export const sqlite = databases()[0];

function createDatabase(cluster) {
  const name = `e2e_${randomBytes(6).toString("hex")}`;
  execFileSync(psql(), [cluster, "-q", "-v", "ON_ERROR_STOP=1", "-c", `create database ${name}`]);
  const url = new URL(cluster);
  url.pathname = `/${name}`;
  return url.toString();
}

// Debian keeps only a wrapper in PATH, and other systems none at all.
function psql() {
  const versions = existsSync("/usr/lib/postgresql") ? readdirSync("/usr/lib/postgresql") : [];
  const found = versions.map((version) => `/usr/lib/postgresql/${version}/bin/psql`).filter(existsSync);
  return found.at(-1) ?? "psql";
}
