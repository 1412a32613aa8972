import type {ReactNode} from 'react';

/** What a view says when it has nothing to show. */
export function Empty({title, text, children}: {title: string; text: string; children?: ReactNode}) {
  return (
    <div className="empty">
      <svg viewBox="0 0 120 88" aria-hidden="true" focusable="false">
        <rect x="6" y="10" width="70" height="46" rx="12" className="back" />
        <rect x="38" y="30" width="76" height="46" rx="12" className="front" />
        <path d="M52 47h48M52 59h30" />
      </svg>
      <h2>{title}</h2>
      <p>{text}</p>
      {children}
    </div>
  );
}
