import {strings} from '../strings.ts';

/** The mark and the name. */
export function Brand() {
  return (
    <span className="brand">
      <svg viewBox="0 0 32 32" aria-hidden="true" focusable="false">
        <rect width="32" height="32" rx="9" />
        <path className="bubble" d="M8 10.500A2.500 2.500 0 0 1 10.500 8h11A2.500 2.500 0 0 1 24 10.500v7a2.500 2.500 0 0 1-2.500 2.500H15l-4.200 3.700c-.5.4-1.100.1-1.100-.5V20A2.500 2.500 0 0 1 8 17.500z" />
        <path className="lines" d="M12 12.500h8M12 15.700h5" />
      </svg>
      <span>{strings.product}</span>
    </span>
  );
}
