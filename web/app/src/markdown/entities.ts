// Takes the place of the package `entities` in the build: the browser knows all names of HTML, so the page need not carry a table of 77 KB.
// A textarea holds text alone, so nothing that is decoded runs or loads.
const holder = document.createElement('textarea');

/** Decodes the character references of a text. */
export function decodeHTML(text: string): string {
  holder.innerHTML = text;
  return holder.value;
}

/** The same, for references that end with a semicolon; the caller passes no others. */
export const decodeHTMLStrict = decodeHTML;
