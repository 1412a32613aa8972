const paths = {
  add: 'M12 5v14M5 12h14',
  archive: 'M4 7h16v3H4zM6 10v8.500h12V10M10 13.500h4',
  arrowDown: 'M12 5v14M6 13l6 6 6-6',
  back: 'M15 5l-7 7 7 7',
  check: 'M5 12.500l4.500 4.500L19 7.500',
  close: 'M6 6l12 12M18 6L6 18',
  copy: 'M9 9h10v11H9zM5 15V4h10',
  edit: 'M5 19l1-4L16 5l3 3L9 18zM14 7l3 3',
  leave: 'M10 5H5v14h5M14 8l4 4-4 4M9 12h9',
  link: 'M10 14a4 4 0 0 0 5.700 0l3-3a4 4 0 0 0-5.700-5.700l-1 1M14 10a4 4 0 0 0-5.700 0l-3 3a4 4 0 0 0 5.700 5.700l1-1',
  menu: 'M5 11.500a.5.5 0 1 0 0 1 .5.5 0 0 0 0-1zM12 11.500a.5.5 0 1 0 0 1 .5.5 0 0 0 0-1zM19 11.500a.5.5 0 1 0 0 1 .5.5 0 0 0 0-1z',
  moon: 'M19 14.500A7.500 7.500 0 0 1 9.500 5a7.500 7.500 0 1 0 9.500 9.500z',
  mute: 'M6 16.500V11a6 6 0 0 1 9-5.200M18 10v6.500M4.500 16.500h13M10 19.500h4M4 4l16 16',
  owner: 'M4.500 8.500l3.800 3 3.700-5.500 3.700 5.500 3.800-3-1.300 8.500h-13.400zM5.500 20h13',
  people: 'M9 11.500a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7zM2.500 19.500a6.500 6.500 0 0 1 13 0M16 4.800a3.500 3.500 0 0 1 0 6.400M18 14.200a6.500 6.500 0 0 1 3.500 5.300',
  pin: 'M9 4h6l-.7 6 3.200 3.500H6.500L9.700 10zM12 13.500V20',
  reply: 'M10 7L5 12l5 5M5 12h8a6 6 0 0 1 6 6',
  retry: 'M19 12a7 7 0 1 1-2.500-5.400M19 4v4h-4',
  search: 'M11 17.500a6.500 6.500 0 1 0 0-13 6.500 6.500 0 0 0 0 13zM16 16l4 4',
  send: 'M5 12h13M12.500 6l6 6-6 6',
  signOut: 'M14 5h5v14h-5M10 8l-4 4 4 4M6 12h9',
  sun: 'M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM12 2.500v2M12 19.500v2M4.500 12h-2M21.500 12h-2M5.300 5.300l1.400 1.400M17.300 17.300l1.400 1.400M5.300 18.700l1.400-1.400M17.300 6.700l1.400-1.400',
  auto: 'M12 4a8 8 0 1 0 0 16zM12 4a8 8 0 0 1 0 16',
  trash: 'M5 7h14M9.500 7V4.500h5V7M7 7l.8 12.500h8.400L17 7M10.500 10.500v5.500M13.500 10.500v5.500',
  clock: 'M12 20a8 8 0 1 0 0-16 8 8 0 0 0 0 16zM12 8v4.500l3 1.800',
  alert: 'M12 4.500l8.500 15h-17zM12 10.500v4M12 17h.01',
  chevron: 'M8 10l4 4 4-4',
} as const;

/** The name of an icon. */
export type IconName = keyof typeof paths;

/** An icon: decoration beside a text, or in a button that has a label. */
export function Icon({name}: {name: IconName}) {
  return <svg className="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false"><path d={paths[name]} /></svg>;
}
