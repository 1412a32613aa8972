import {Fragment, memo, type ReactNode} from 'react';
import {strings} from '../strings.ts';
import {CodeBlock} from './CodeBlock.tsx';
import {Formula} from './Formula.tsx';
import {findLinks, isOwn, safeAddress} from './links.ts';
import {withBreaks} from './long.tsx';
import {parse} from './parse.ts';
import {grow, type Branch} from './token.ts';

/** A message's text, as React elements: no HTML is made of it, so there is nothing to sanitise. */
export const Markdown = memo(function Markdown({text}: {text: string}) {
  return <div className="prose">{drawAll(grow(parse(text)), false)}</div>;
});

function drawAll(branches: Branch[], inLink: boolean): ReactNode[] {
  return branches.map((branch, i) => draw(branch, i, inLink));
}

const blocks = new Set(['p', 'ul', 'ol', 'li', 'blockquote', 'h1', 'h2', 'h3', 'h4', 'h5', 'h6', 'th', 'td']);
const plain = new Set([...blocks, 'em', 'strong', 's', 'thead', 'tbody', 'tr']);

function draw(branch: Branch, key: number, inLink: boolean): ReactNode {
  const {token, children} = branch;
  switch (token.type) {
    case 'inline': return drawAll(children, inLink);
    case 'text':
    case 'text_special':
    case 'html_inline':
    case 'html_block': return inLink ? token.content : <Text key={key} text={token.content} />;
    case 'softbreak':
    case 'hardbreak': return <br key={key} />;
    case 'code_inline': return <code key={key} dir="ltr">{token.content}</code>;
    case 'fence': return <CodeBlock key={key} code={token.content} language={token.info.trim().split(/\s+/)[0] ?? ''} />;
    case 'code_block': return <CodeBlock key={key} code={token.content} language="" />;
    case 'math_inline': return <Formula key={key} source={token.content} block={false} />;
    case 'math_block': return <Formula key={key} source={token.content} block />;
    case 'hr': return <hr key={key} />;
    case 'image': return <Picture key={key} branch={branch} inLink={inLink} />;
    case 'link_open': return <Link key={key} address={attribute(branch, 'href')}>{drawAll(children, true)}</Link>;
    case 'table_open': return <div key={key} className="table" role="group" tabIndex={0} aria-label={strings.table}><table>{drawAll(children, inLink)}</table></div>;
    default: return element(branch, key, drawAll(children, inLink));
  }
}

function element({token}: Branch, key: number, children: ReactNode[]): ReactNode {
  if (token.hidden || !plain.has(token.tag)) return children;
  // Headings of a message are not those of the page.
  const Tag = (/^h[1-6]$/.test(token.tag) ? 'p' : token.tag) as 'p';
  const heading = Tag !== token.tag ? {className: `heading ${token.tag}`} : {};
  const start = token.tag === 'ol' ? {start: Number(attribute({token, children: []}, 'start') || 1)} : {};
  return <Tag key={key} {...heading} {...start} {...(blocks.has(token.tag) ? {dir: 'auto'} : {})}>{children}</Tag>;
}

function attribute({token}: Branch, name: string): string {
  return String(token.attrs?.find(([known]) => known === name)?.[1] ?? '');
}

function Text({text}: {text: string}) {
  return findLinks(text).map((piece, i) => piece.address ? <Link key={i} address={piece.address}>{withBreaks(piece.text)}</Link> : <Fragment key={i}>{withBreaks(piece.text)}</Fragment>);
}

function Link({address, children}: {address: string; children: ReactNode}) {
  const safe = safeAddress(address);
  if (!safe) return <span>{children}</span>;
  if (isOwn(safe)) return <a href={safe}>{children}</a>;
  return <a href={safe} target="_blank" rel="noreferrer noopener nofollow">{children}</a>;
}

// Pictures of other hosts are not loaded: they would tell that host who reads the message, and when.
function Picture({branch, inLink}: {branch: Branch; inLink: boolean}) {
  const address = safeAddress(attribute(branch, 'src'));
  const text = branch.token.content || strings.picture;
  if (!address) return <span>{text}</span>;
  if (isOwn(address)) return <img src={address} alt={text} loading="lazy" />;
  return inLink ? text : <Link address={address}>{strings.pictureOf(text, new URL(address).host)}</Link>;
}
