// Compares the schema with the last released one, and fails when a released client could break:
//
//   node schema-diff.mjs RELEASED CURRENT
//
// GraphQL Inspector finds and grades the changes. This file decides which grades pass, and prints how to fix the others.
import {readFileSync} from 'node:fs';
import {fileURLToPath} from 'node:url';
import {CriticalityLevel, diff} from '@graphql-inspector/core';
import {buildSchema} from 'graphql';

/**
 * GraphQL Inspector calls these dangerous, and they pass. The contract asks clients to ignore enum values and event types
 * that they do not know, and a call without the new argument or input field keeps its meaning.
 */
const additive = new Set([
  'ENUM_VALUE_ADDED',
  'UNION_MEMBER_ADDED',
  'OBJECT_TYPE_INTERFACE_ADDED',
  'FIELD_ARGUMENT_ADDED',
  'INPUT_FIELD_ADDED',
]);

/** How to fix a change, by its kind. The first matching pattern applies. */
const advice = [
  [/_REMOVED$/, 'Keep it with @deprecated(reason: "…"), and add its replacement beside it.'],
  [/DEFAULT_VALUE_CHANGED|DEFAULT_CHANGED/, 'Keep the default, because callers that leave the value out rely on it; add a new argument or field instead.'],
  [/_ADDED$/, 'Make it nullable or give it a default, so that the calls of released clients stay valid.'],
  [/TYPE_CHANGED$/, 'Keep it with its type and @deprecated(reason: "…"), and add one with another name beside it.'],
  [/./, 'Keep what was released as it is, and add the new form beside it.'],
];

/**
 * @param {string} released SDL
 * @param {string} current SDL
 * @returns {Promise<{type: string, message: string}[]>} the changes that could break a released client, a sentence or two each
 */
export async function breakingChanges(released, current) {
  const changes = await diff(buildSchema(released), buildSchema(current));
  return changes.filter(breaks).map(({type, message}) => ({type, message: `${sentence(message)} ${howToGoOn(type)}`}));
}

function breaks({type, criticality: {level}}) {
  return level === CriticalityLevel.Breaking || (level === CriticalityLevel.Dangerous && !additive.has(type));
}

function howToGoOn(type) {
  return advice.find(([pattern]) => pattern.test(type))[1];
}

function sentence(text) {
  return text.endsWith('.') ? text : `${text}.`;
}

async function main([releasedPath, currentPath]) {
  const found = await breakingChanges(readFileSync(releasedPath, 'utf8'), readFileSync(currentPath, 'utf8'));
  for (const {message} of found) console.error(`${currentPath}: ${message}`);
  if (found.length === 0) return;
  console.error(`
Released clients could break (${found.length}). If none of this was ever released, run \`make release-schema\`, which copies the schema to
${releasedPath}, and commit that file with the reason.`);
  process.exitCode = 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main(process.argv.slice(2));
