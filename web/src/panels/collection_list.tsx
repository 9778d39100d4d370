// Which collection to look at.

import type { CollectionEntry } from "../data/collection_list";
import { formatCount } from "../state/histogram";

export function CollectionList({ collections }: { collections: readonly CollectionEntry[] }) {
  return (
    <main className="page-state">
      <h1>Collections</h1>
      {collections.length === 0 && <p>This server has none yet. Make one with: asterism add</p>}
      <ul className="collections">
        {collections.map(({ name, count }) => (
          <li key={name}>
            <a href={`/atlas/${encodeURIComponent(name)}`}>{name}</a>
            {count !== null && <span className="quiet"> {formatCount(count)} items</span>}
          </li>
        ))}
      </ul>
    </main>
  );
}
