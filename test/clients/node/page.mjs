// What fetch-event-source asks of a page: a window, and a document whose visibility it watches.
globalThis.window = globalThis
globalThis.document = { hidden: false, addEventListener() {}, removeEventListener() {} }
