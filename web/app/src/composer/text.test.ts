import {expect, test} from 'vitest';
import {inCode, indent, indentOf, lengthOf} from './text.ts';

test('characters are code points', () => {
  expect(lengthOf('a😀b')).toBe(3);
  expect(lengthOf('👩‍👩‍👧')).toBe([...'👩‍👩‍👧'].length);
});

test('a fence is open until the same mark closes it', () => {
  expect(inCode('```js\na', 7)).toBe(true);
  expect(inCode('```js\na\n```\nb', 14)).toBe(false);
  expect(inCode('```\n~~~\n', 8)).toBe(true);
  expect(inCode('````\n```\n', 9)).toBe(true);
  expect(inCode('a ``` b', 7)).toBe(false);
  expect(inCode('```js\na', 0)).toBe(false);
});

test('lines go in and out', () => {
  expect(indent('abc', 1, 1, false)).toEqual({from: 1, to: 1, insert: '  '});
  expect(indent('a\nb', 0, 3, false)).toEqual({from: 0, to: 3, insert: '  a\n  b'});
  expect(indent('    a\n\tb\nc', 6, 10, true)).toEqual({from: 6, to: 10, insert: 'b\nc'});
  expect(indentOf('a\n  \tb', 6)).toBe('  \t');
});
