// The part of a page that fetch-event-source needs: a window, and a document whose visibility it watches.
globalThis.window = globalThis
globalThis.document = { hidden: false, addEventListener() {}, removeEventListener() {} }
