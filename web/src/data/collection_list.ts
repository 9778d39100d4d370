// The collections of a server, for the page that lists them.

import { fetchFromServer } from "./server_source";
import { AtlasError } from "./source";

export interface CollectionEntry {
  name: string;
  count: number | null;
}

interface Listed {
  name?: string;
  id?: string;
  count?: number;
  item_count?: number;
}

export async function listCollections(base: string): Promise<CollectionEntry[]> {
  const answer = await fetchFromServer(base);
  if (answer.status === 401 || answer.status === 403) {
    throw new AtlasError("The server asks for a key", "It was started with API keys", { needsKey: true });
  }
  if (!answer.ok) throw new AtlasError(`The server answered ${answer.status}`, "It may have been started without collections");
  const body = (await answer.json()) as { collections?: Listed[]; data?: Listed[] };
  return (body.collections ?? body.data ?? []).map((entry) => ({
    name: entry.name ?? entry.id ?? "",
    count: entry.count ?? entry.item_count ?? null,
  }));
}
