// An item: picture, text and metadata, all shown as text whatever it holds.

import { textOf } from "../data/csv";
import type { Item } from "../data/contract";
import { ItemPicture } from "./item_picture";

const textMax = 1200;

export function ItemCard({ item, brief = false }: { item: Item; brief?: boolean }) {
  const entries = Object.entries(item.metadata).filter(([, value]) => textOf(value) !== "");
  const text = item.text ?? "";
  const most = brief ? 220 : textMax;
  return (
    <div className="card">
      {item.image && <ItemPicture row={item.row} sizePx={brief ? 128 : 220} name={item.id} />}
      {text && <p className={item.image ? "card-text quiet" : "card-text"}>{text.length > most ? `${text.slice(0, most)}…` : text}</p>}
      {item.gone && <p className="quiet">Deleted since the map was opened</p>}
      <dl>
        <dt>id</dt>
        <dd>{item.id}</dd>
        {entries.slice(0, brief ? 4 : 40).map(([key, value]) => (
          <div key={key} className="pair">
            <dt>{key}</dt>
            <dd>{textOf(value).slice(0, 300)}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}

export const titleOf = (item: Item | undefined, row: number): string => {
  // The text of a picture is its path: its id says as much.
  const title = (item?.image ? item.id : item?.text) ?? item?.id ?? `row ${row}`;
  return title.length > 90 ? `${title.slice(0, 89)}…` : title;
};
