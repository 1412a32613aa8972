// Tables that change in place: a row keeps its elements as long as its connection is shown, so that a selection and the focus stay.
import type {OperationText} from './snapshot.ts';

export interface Cell { text?: string; operations?: OperationText[]; mark?: boolean }

type Make = <K extends keyof HTMLElementTagNameMap>(name: K, className?: string, text?: string) => HTMLElementTagNameMap[K];

export const make: Make = (name, className, text) => {
  const element = document.createElement(name);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
};

function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

export class Table {
  readonly element = make('table');
  private readonly body = make('tbody');
  private readonly rows = new Map<number, HTMLTableRowElement>();

  constructor(caption: string, private readonly columns: string[]) {
    const head = make('tr');
    for (const column of columns) {
      const cell = make('th', '', column);
      cell.scope = 'col';
      head.append(cell);
    }
    const section = make('thead');
    section.append(head);
    this.element.append(make('caption', 'hidden', caption), section, this.body);
  }

  show(rows: {key: number; cells: Cell[]}[]): void {
    const shown = new Set(rows.map(({key}) => key));
    for (const [key, row] of this.rows) {
      if (!shown.has(key)) { row.remove(); this.rows.delete(key); }
    }
    rows.forEach(({key, cells}, at) => {
      const row = this.rows.get(key) ?? this.add(key);
      cells.forEach((cell, column) => this.fill(row.cells[column]!, cell));
      if (this.body.children[at] !== row) this.body.insertBefore(row, this.body.children[at] ?? null);
    });
  }

  private add(key: number): HTMLTableRowElement {
    const row = make('tr');
    for (const column of this.columns) {
      const cell = make('td');
      cell.dataset['label'] = column; // narrow windows show it in front of the value
      row.append(cell);
    }
    this.rows.set(key, row);
    return row;
  }

  private fill(cell: HTMLTableCellElement, {text, operations, mark}: Cell): void {
    cell.classList.toggle('mark', mark ?? false);
    if (!operations) { setText(cell, text ?? ''); return; }
    while (cell.childElementCount > operations.length) cell.lastElementChild!.remove();
    while (cell.childElementCount < operations.length) cell.append(newOperation());
    operations.forEach((operation, at) => fillOperation(cell.children[at]!, operation));
  }
}

function newOperation(): HTMLElement {
  const element = make('div', 'operation');
  element.append(make('span', 'name'), make('span', 'lag'), make('div', 'place'));
  return element;
}

function fillOperation(element: Element, {name, lag, lags, place}: OperationText): void {
  const [first, second, third] = element.children;
  setText(first!, name);
  setText(second!, lag);
  second!.classList.toggle('behind', lags);
  while (third!.childElementCount > place.length) third!.lastElementChild!.remove();
  while (third!.childElementCount < place.length) third!.append(make('span'));
  place.forEach((text, at) => setText(third!.children[at]!, text));
}
