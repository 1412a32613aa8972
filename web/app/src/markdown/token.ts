/** What the page uses of markdown-it's tokens. */
export interface Token {
  type: string;
  tag: string;
  nesting: -1 | 0 | 1;
  attrs: [string, string | number][] | null;
  children: Token[] | null;
  content: string;
  info: string;
  markup: string;
  hidden: boolean;
}

/** A tree of tokens. */
export interface Branch {
  token: Token;
  children: Branch[];
}

/** Turns opening and closing tokens into a tree. */
export function grow(tokens: Token[]): Branch[] {
  const root: Branch[] = [];
  const open: Branch[][] = [root];
  for (const token of tokens) {
    if (token.nesting === -1) {
      if (open.length > 1) open.pop();
      continue;
    }
    const branch: Branch = {token, children: token.children ? grow(token.children) : []};
    open.at(-1)!.push(branch);
    if (token.nesting === 1) open.push(branch.children);
  }
  return root;
}
