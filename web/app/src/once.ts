/** Makes a value when it is first needed. A formatter of Intl takes milliseconds to make, and the page has ten: made at once, they delay its first drawing. */
export function once<Value>(make: () => Value): () => Value {
  let made: {value: Value} | undefined;
  return () => (made ??= {value: make()}).value;
}
