// A picture of an item: the thumbnail, else its place in a sprite, else a frame that says it cannot be shown.

import { useEffect, useState } from "react";
import { spritePictureCount, spriteSide } from "../data/source";
import { useAtlas } from "../state/store";

export function ItemPicture({ row, sizePx, name }: { row: number; sizePx: number; name: string }) {
  const source = useAtlas((state) => state.dataset?.source);
  const [broken, setBroken] = useState(-1);
  const [found, setFound] = useState<{ row: number; url: string | null; sprite: string | null } | null>(null);
  useEffect(() => {
    if (!source) return;
    let current = true;
    const read = async (): Promise<void> => {
      const url = await source.thumbnail(row, sizePx > 64 ? 256 : 64);
      const sprite = url ? null : await source.sprite(Math.floor(row / spritePictureCount));
      if (current) setFound({ row, url, sprite });
    };
    read().catch(() => current && setBroken(row));
    return () => {
      current = false;
    };
  }, [source, row, sizePx]);
  const style = { width: sizePx, height: sizePx };
  if (broken === row) {
    return (
      <span className="picture broken" style={style} role="img" aria-label={`The picture of ${name} cannot be shown`}>
        no picture
      </span>
    );
  }
  if (found?.row !== row) return <span className="picture" style={style} />;
  if (found.url) return <img className="picture" style={style} src={found.url} alt={name} loading="lazy" onError={() => setBroken(row)} />;
  const place = row % spritePictureCount;
  const [left, top] = [(place % spriteSide) * sizePx, Math.floor(place / spriteSide) * sizePx];
  const side = spriteSide * sizePx;
  const background = { backgroundImage: `url(${found.sprite ?? ""})`, backgroundSize: `${side}px ${side}px`, backgroundPosition: `-${left}px -${top}px` };
  return <span className="picture" style={{ ...style, ...background }} role="img" aria-label={name} />;
}
