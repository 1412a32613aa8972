import {expect, test} from 'vitest';
import {remember} from './remember.ts';

test('what is made of a text is made once, until 300 other texts have come', () => {
  const made: string[] = [];
  const read = remember(text => {
    made.push(text);
    return text === '' ? undefined : text.length;
  });
  expect([read('ab'), read('ab'), read(''), read('')]).toEqual([2, 2, undefined, undefined]);
  expect(made).toEqual(['ab', '']);
  for (let n = 0; n < 300; n++) read(`other ${n}`);
  read('ab');
  expect(made.filter(text => text === 'ab')).toHaveLength(2);
  read('other 299');
  expect(made).toHaveLength(303);
});
