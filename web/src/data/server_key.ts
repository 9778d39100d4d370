// The key of a server that wants one: kept for this tab only, sent with every call, never in an address.

const place = "asterism-key";

export function keyHeaders(): { authorization?: string } {
  const key = sessionStorage.getItem(place);
  return key ? { authorization: `Bearer ${key}` } : {};
}

export const rememberKey = (key: string): void => sessionStorage.setItem(place, key);
