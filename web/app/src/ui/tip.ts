import type {PointerEvent} from 'react';

/** A tool tip that is written when the pointer comes: most are never read, and a long date is slow to write. */
export function tip(text: () => string) {
  return {onPointerEnter: ({currentTarget}: PointerEvent<HTMLElement>) => { currentTarget.title = text(); }};
}
