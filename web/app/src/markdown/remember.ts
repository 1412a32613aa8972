const most = 300; // texts; a list draws the same few dozen again and again, and React may begin a drawing more than once

/** Remembers what is made of a text, for the newest texts. */
export function remember<Value>(make: (text: string) => Value): (text: string) => Value {
  const known = new Map<string, Value>();
  return text => {
    if (known.has(text)) return known.get(text)!;
    const value = make(text);
    if (known.size >= most) known.delete(known.keys().next().value as string);
    known.set(text, value);
    return value;
  };
}
