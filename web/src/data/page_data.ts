// What the page shows: said by whoever serves or exports it, else by its own address.

import { ExportSource } from "./export_source";
import { ServerSource } from "./server_source";
import type { AtlasSource } from "./source";

interface PageData {
  mode?: "server" | "export";
  base?: string;
}

export function sourceOf(): AtlasSource {
  const text = document.getElementById("asterism-data")?.textContent ?? "null";
  const data = (JSON.parse(text) as PageData | null) ?? {};
  if (data.mode === "export" || (!data.mode && location.protocol === "file:")) return new ExportSource();
  if (data.base) return new ServerSource(data.base);
  // /collections/NAME/atlas or /atlas/NAME; the name may be escaped and stays so.
  const match = /\/collections\/([^/]+)\/atlas|\/atlas\/([^/]+)/.exec(location.pathname);
  const name = match?.[1] ?? match?.[2] ?? encodeURIComponent(new URLSearchParams(location.search).get("collection") ?? "");
  return new ServerSource(`/v1/collections/${name}/atlas`);
}
