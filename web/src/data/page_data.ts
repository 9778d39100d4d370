// What the page shows: said by whoever serves or exports it, else by its own address.

import { ExportSource } from "./export_source";
import { ServerSource } from "./server_source";
import type { AtlasSource, Work } from "./source";

interface PageData {
  mode?: "server" | "export" | "list";
  base?: string;
}

export function pageData(): PageData {
  const text = document.getElementById("asterism-data")?.textContent ?? "null";
  return (JSON.parse(text) as PageData | null) ?? {};
}

export function sourceOf(data: PageData, onWork: (work: Work | null) => void): AtlasSource {
  if (data.mode === "export" || (!data.mode && location.protocol === "file:")) return new ExportSource();
  if (data.base) return new ServerSource(data.base, onWork);
  // /collections/NAME/atlas or /atlas/NAME; the name may be escaped and stays so.
  const match = /\/collections\/([^/]+)\/atlas|\/atlas\/([^/]+)/.exec(location.pathname);
  const name = match?.[1] ?? match?.[2] ?? encodeURIComponent(new URLSearchParams(location.search).get("collection") ?? "");
  return new ServerSource(`/v1/collections/${name}/atlas`, onWork);
}
