// Stands in for react-style-singleton, which GraphiQL's dialogs and menus use to insert a <style> element that keeps the
// page behind them from scrolling. This page never scrolls, and without that element the Content-Security-Policy does
// without 'unsafe-inline'.
const nothing = () => null;

export const styleSingleton = () => nothing;
export const styleHookSingleton = () => nothing;
export const stylesheetSingleton = () => ({add: nothing, remove: nothing});
