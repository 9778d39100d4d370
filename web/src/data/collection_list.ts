// The collections of a server, for the page that lists them.

import { fetchFromServer } from "./server_source";
import { AtlasError } from "./source";

export interface CollectionEntry {
  name: string;
  count: number | null;
}

interface Listed {
  collection: string;
  items?: number;
}

export async function listCollections(base: string): Promise<CollectionEntry[]> {
  const answer = await fetchFromServer(base);
  if (answer.status === 401 || answer.status === 403) {
    throw new AtlasError("The server asks for a key", "It was started with API keys", { needsKey: true });
  }
  if (!answer.ok) throw new AtlasError(`The server answered ${answer.status}`, "It may have been started without collections");
  const { collections } = (await answer.json()) as { collections: Listed[] };
  return collections.map(({ collection, items }) => ({ name: collection, count: items ?? null }));
}
