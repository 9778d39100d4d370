// A picture of an item: the thumbnail, else its place in a sprite, else a frame that says it cannot be shown.

import { useEffect, useState } from "react";
import { spritePictureCount, spritePicturePx, spriteSide } from "../data/source";
import { useAtlas } from "../state/store";

export function ItemPicture({ row, sizePx, name }: { row: number; sizePx: number; name: string }) {
  const source = useAtlas((state) => state.dataset?.source);
  const [broken, setBroken] = useState(-1);
  const [sprite, setSprite] = useState<string | null>(null);
  const url = source?.thumbnailUrl(row, sizePx > 64 ? 256 : 64) ?? null;
  useEffect(() => {
    if (!source || url) return;
    let current = true;
    source.spriteUrl(Math.floor(row / spritePictureCount)).then(
      (address) => current && setSprite(address),
      () => current && setBroken(row),
    );
    return () => {
      current = false;
    };
  }, [source, url, row]);
  const style = { width: sizePx, height: sizePx };
  if (broken === row) {
    return (
      <span className="picture broken" style={style} role="img" aria-label={`The picture of ${name} cannot be shown`}>
        no picture
      </span>
    );
  }
  if (url) return <img className="picture" style={style} src={url} alt={name} loading="lazy" onError={() => setBroken(row)} />;
  if (!sprite) return <span className="picture" style={style} />;
  const place = row % spritePictureCount;
  const scale = sizePx / spritePicturePx;
  const [left, top] = [(place % spriteSide) * sizePx, Math.floor(place / spriteSide) * sizePx];
  const side = spriteSide * spritePicturePx * scale;
  const background = { backgroundImage: `url(${sprite})`, backgroundSize: `${side}px ${side}px`, backgroundPosition: `-${left}px -${top}px` };
  return <span className="picture" style={{ ...style, ...background }} role="img" aria-label={name} />;
}
