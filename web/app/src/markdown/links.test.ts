// @vitest-environment happy-dom
import {expect, test} from 'vitest';
import {findLinks, safeAddress} from './links.ts';

test('only addresses of pages and mail are links', () => {
  for (const bad of ['javascript:alert(1)', ' JaVaScript:alert(1)', 'java\nscript:alert(1)', 'data:text/html,a', 'vbscript:a', 'file:///a', 'blob:http://a/b', '//other.example/a', 'http://[']) expect(safeAddress(bad), bad).toBeUndefined();
  for (const good of ['https://a.example/', 'http://a.example/b?c#d', 'mailto:a@b.example']) expect(safeAddress(good)).toBe(good);
});

test('addresses in a text end where the sentence goes on', () => {
  const found = (text: string) => findLinks(text).flatMap(piece => piece.address ?? []);
  expect(found('See https://a.example/b. And (https://a.example/c_(d)), https://a.example/e?f=g!')).toEqual(['https://a.example/b', 'https://a.example/c_(d)', 'https://a.example/e?f=g']);
  expect(findLinks('a https://b.example c').map(piece => piece.text).join('')).toBe('a https://b.example c');
  expect(found('https:// http://. nothing')).toEqual([]);
});
