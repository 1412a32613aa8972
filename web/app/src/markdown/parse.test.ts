import {expect, test} from 'vitest';
import {parse} from './parse.ts';
import {grow, type Branch} from './token.ts';

const kinds = (branches: Branch[]): string[] => branches.flatMap(({token, children}) => [token.type, ...kinds(children)]);

test('formulas, code and tables are found', () => {
  expect(kinds(grow(parse('a $x$ `b`')))).toContain('math_inline');
  expect(kinds(grow(parse('$$\nx\n$$')))).toContain('math_block');
  expect(kinds(grow(parse('\\(x\\)')))).toContain('math_inline');
  expect(kinds(grow(parse('It costs $5 or $6.')))).not.toContain('math_inline');
  expect(kinds(grow(parse('|a|\n|-|\n|b|')))).toContain('table_open');
  expect(kinds(grow(parse('```\nnever closed')))).toEqual(['fence']);
});

test('HTML stays text', () => {
  expect(kinds(grow(parse('<script>a</script>\n\n<b>c</b>'))).filter(kind => kind.startsWith('html'))).toEqual([]);
});

test('no text of 16,000 characters takes long', () => {
  const most = 16_000;
  const fill = (text: string) => text.repeat(Math.ceil(most / text.length)).slice(0, most);
  const texts = ['[', '[a](', '*a _b ', '**a', '`a``', '>', '> a\n', '- ', '![[]()', '$a ', '\\(a ', '\\(', '\\[\n', '|a', '~~a', '_', '&amp;', 'http://a.b ', '```\n', '<a '].map(fill);
  for (const text of ['|a|\n|-|\n' + fill('|a|\n'), '```' + fill('a'), ...texts]) {
    const before = process.cpuUsage().user;
    parse(text);
    expect((process.cpuUsage().user - before) / 1e6, text.slice(0, 10)).toBeLessThan(2); // measured: 0.5 at most
  }
}, 60_000);
