// Above all: what is shown, the search, how it is shown, and what can be taken away.

import { compareWith, download, exportRows, layOutVersions, splitView } from "../state/actions";
import { formatCount } from "../state/histogram";
import { mapAt } from "../map/open_maps";
import { mapToPng, mapToSvg } from "../map/picture_export";
import { type Theme, useAtlas, useStore } from "../state/store";
import { Menu } from "./menu";
import { SearchBox } from "./search_box";

const nameOfKind: Partial<Record<string, string>> = { text: "texts", image: "pictures", vector: "vectors" };
const nextTheme: Record<Theme, Theme> = { auto: "light", light: "dark", dark: "auto" };
const themeSign: Record<Theme, string> = { auto: "◐", light: "☀", dark: "☾" };

export function TopBar() {
  const store = useStore();
  const manifest = useAtlas((state) => state.dataset?.manifest);
  const theme = useAtlas((state) => state.theme);
  const changed = useAtlas((state) => state.changed);
  const split = useAtlas((state) => state.panes.length > 1);
  const table = useAtlas((state) => state.table);
  if (!manifest) return null;
  return (
    <header className="top-bar">
      <div className="title">
        <h1>{manifest.collection}</h1>
        <p className="quiet">
          {formatCount(manifest.row_count)} {nameOfKind[manifest.kind] ?? "items"} · {manifest.model ?? "vectors of their own"} · {manifest.dim}
          {manifest.version ? ` · ${manifest.version}` : ""}
        </p>
        {changed && (
          <button type="button" className="badge" onClick={() => location.reload()}>
            changed since: reload
          </button>
        )}
      </div>
      <SearchBox />
      <nav className="actions" aria-label="View">
        <button type="button" aria-pressed={table} onClick={() => store.set({ table: !table })}>
          Table
        </button>
        <CompareMenu split={split} />
        <ExportMenu />
        <button
          type="button"
          className="icon"
          title={`Colours: ${theme}`}
          aria-label={`Colours: ${theme}. Change to ${nextTheme[theme]}`}
          onClick={() => store.set({ theme: nextTheme[theme] })}
        >
          {themeSign[theme]}
        </button>
      </nav>
    </header>
  );
}

const none: readonly string[] = [];

function CompareMenu({ split }: { split: boolean }) {
  const store = useStore();
  const isServer = useAtlas((state) => state.dataset?.source.kind === "server");
  const versions = useAtlas((state) => (state.dataset?.manifest.writable ? state.dataset.manifest.versions : none));
  const ask = (form: HTMLFormElement): void => {
    const name = new FormData(form).get("name");
    if (typeof name === "string" && name.trim()) void compareWith(store, name.trim());
  };
  return (
    <Menu title="Compare" pressed={split}>
      {(close) => (
        <>
          <button
            type="button"
            onClick={() => {
              splitView(store, !split);
              close();
            }}
          >
            {split ? "One map" : "Two maps of this collection"}
          </button>
          {isServer && versions.length > 0 && (
            <button
              type="button"
              onClick={() => {
                void layOutVersions(store);
                close();
              }}
            >
              Through its {versions.length === 1 ? "version" : `${versions.length} versions`}, step by step
            </button>
          )}
          {isServer && (
            <form
              className="menu-form"
              onSubmit={(event) => {
                event.preventDefault();
                ask(event.currentTarget);
                close();
              }}
            >
              <label>
                With another collection of the same items
                <input name="name" placeholder="its name" autoComplete="off" />
              </label>
              <button type="submit">Compare</button>
            </form>
          )}
        </>
      )}
    </Menu>
  );
}

function ExportMenu() {
  const store = useStore();
  const kind = useAtlas((state) => state.dataset?.source.kind);
  const name = useAtlas((state) => state.dataset?.manifest.collection ?? "atlas");
  const selection = useAtlas((state) => state.selection);
  const rows = selection.length > 0 ? selection : null;
  const what = rows ? `${formatCount(rows.length)} selected` : "all items";
  const png = async (): Promise<void> => {
    const painter = mapAt(0);
    const picture = painter && (await mapToPng(painter));
    if (picture) download(picture, `${name}.png`);
  };
  const svg = (): void => {
    const painter = mapAt(0);
    const picture = painter && mapToSvg(painter);
    if (picture) download(picture, `${name}.svg`);
  };
  const copyLink = async (): Promise<void> => {
    await navigator.clipboard.writeText(location.href);
    store.set({ notice: "Link copied: it opens this view" });
  };
  const entries: [string, () => void | Promise<void>][] = [
    ["Map as PNG", png],
    ["Map as SVG", svg],
    [`CSV of ${what}`, () => exportRows(store, "csv", rows)],
    ["Copy a link to this view", copyLink],
  ];
  if (kind === "server") {
    entries.splice(3, 0, [`Parquet of ${what}`, () => exportRows(store, "parquet", rows)]);
    entries.splice(4, 0, [`TensorBoard projector of ${what}`, () => exportRows(store, "projector", rows)]);
  }
  return (
    <Menu title="Export">
      {(close) =>
        entries.map(([title, run]) => (
          <button
            key={title}
            type="button"
            onClick={() => {
              void run();
              close();
            }}
          >
            {title}
          </button>
        ))
      }
    </Menu>
  );
}
