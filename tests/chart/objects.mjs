// SPDX-License-Identifier: Apache-2.0
// Objects (a JSON array on stdin) -> their problems (a JSON array on stdout). Argument: tools folder.
// The validators are compiled from JSON schemas that allow unknown keys; they look at each key that they
// know, so a key that was never looked at is unknown.
import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";

const modules = path.join(process.argv[2], "node_modules");
const packages = ["kubernetes-models", "@kubernetes-models/prometheus-operator"];

// `value` whose keys leave `unread` as they are looked at.
function watch(value, at, unread) {
  if (value === null || typeof value !== "object") return value;
  const children = new Map();
  for (const key of Object.keys(value)) unread.add(`${at}/${key}`);
  return new Proxy(value, {
    get(target, key) {
      if (!Object.hasOwn(target, key) || key === "length") return target[key];
      unread.delete(`${at}/${key}`);
      if (!children.has(key)) children.set(key, watch(target[key], `${at}/${key}`, unread));
      return children.get(key);
    },
  });
}

// The compiled schema of a kind: the model's module names its file.
async function validatorOf(object) {
  for (const name of packages) {
    const model = path.join(modules, name, ...object.apiVersion.split("/"), `${object.kind}.js`);
    if (!fs.existsSync(model)) continue;
    const schema = /_schemas\/[A-Za-z0-9]+\.js/.exec(fs.readFileSync(model, "utf8"))[0];
    const module = await import(pathToFileURL(path.join(modules, name, schema)));
    return module.validate ?? module.default.validate;
  }
  return null;
}

async function problemsOf(object) {
  const name = `${object.kind} ${object.metadata?.name}`;
  const validate = await validatorOf(object);
  if (!validate) return [`${name}: no schema for ${object.apiVersion}`];
  const unread = new Set();
  const valid = validate(watch(object, "", unread));
  const errors = valid ? [] : validate.errors;
  return [
    ...errors.map((e) => `${name}: ${e.instancePath} ${e.keyword} ${JSON.stringify(e.params)}`),
    ...[...unread].map((key) => `${name}: ${key} is not a field`),
  ];
}

const problems = [];
for (const object of JSON.parse(fs.readFileSync(0, "utf8"))) problems.push(...(await problemsOf(object)));
process.stdout.write(JSON.stringify(problems));
