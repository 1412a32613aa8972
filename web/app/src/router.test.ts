// @vitest-environment happy-dom
import {expect, test} from 'vitest';
import {pathOf, readPath} from './router.ts';

test('addresses lead to the views that they were made of', () => {
  for (const route of [{}, {chatId: 'a'}, {chatId: 'a', messageId: 'b'}, {chatId: 'a/ b?#%', messageId: 'ü/'}]) expect(readPath(pathOf(route))).toEqual(route);
});

test('other addresses are those of the list', () => {
  for (const path of ['/', '/c', '/c/', '/c/a/b', '/c/%E0%A4%A', '/playground']) expect(readPath(path)).toEqual({});
});
