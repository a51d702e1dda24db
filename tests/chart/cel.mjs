// SPDX-License-Identifier: Apache-2.0
// Runs CEL. stdin: {"parse": [expression], "run": [{policy, request, object, oldObject}]}; stdout: the parse
// errors and for each run the messages of the validations that failed. Argument: tools folder.
import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";

const module = path.join(process.argv[2], "node_modules/@bufbuild/cel/dist/esm/index.js");
const { parse, run } = await import(pathToFileURL(module));

function value(expression, bindings) {
  const result = run(expression, bindings);
  if (typeof result === "object" && result !== null && "message" in result) throw new Error(result.message);
  return result;
}

// What the API server does with a ValidatingAdmissionPolicy: conditions, then variables, then validations.
function judge({ policy, ...input }) {
  const bindings = { ...input, variables: {} };
  for (const c of policy.matchConditions ?? []) {
    if (value(c.expression, bindings) !== true) return "not matched";
  }
  for (const v of policy.variables ?? []) bindings.variables[v.name] = value(v.expression, bindings);
  return policy.validations.filter((v) => value(v.expression, bindings) !== true).map((v) => v.message);
}

function attempt(work) {
  try {
    return work();
  } catch (error) {
    return `error: ${error.message}`;
  }
}

const input = JSON.parse(fs.readFileSync(0, "utf8"));
const errors = (input.parse ?? []).map((e) => attempt(() => void parse(e))).filter((e) => e);
process.stdout.write(JSON.stringify({ errors, runs: (input.run ?? []).map((r) => attempt(() => judge(r))) }));
